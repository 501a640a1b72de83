/* A plugin for Sculptor that evaluates TorchScript modules: networks trained in PyTorch and saved by torch.jit.
 *
 *     make plugins                              (where libtorch is found; plugins/torchscript_export.py writes a module)
 *
 *     score:
 *       type: plugin
 *       library: build/plugins/torchscript.so
 *       file: moons.pt
 *       config: output=denoiser dimension=2
 *
 * The module's forward(x, sigma) gets x[n, dimension], or of fields x[n, 1, (z,) y, x], and sigma[n], and returns as many
 * numbers as x has: the score, or with output=denoiser D(x; sigma), of which the score is (D - x)/sigma^2. Products
 * with the Jacobian's transpose come from autograd. Words of config, each KEY=VALUE:
 *
 *     output=score|denoiser   what forward() returns (score)
 *     dimension=N             of particles, unless the module has an attribute `dimension`
 *     precision=float|double  of the module's numbers (float); its parameters are converted
 *     sigma_min=S sigma_max=S where it may be used (0, infinity)
 *     gradient=yes|no         its score is a gradient, so that its Jacobian is symmetric (no)
 *     threads=N               of libtorch (1: for the same bits wherever it runs) */
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/script.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "sculptor/plugin.h"

namespace
{

struct Model {
        torch::jit::Module module;
        bool denoiser = false;
        at::ScalarType type = at::kFloat;
        std::vector<int64_t> shape; /* of x, its first axis set by each call */
};

/* A function of the table: no exception may leave it. */
template <typename Work> int guarded(char *message, Work work)
{
        try {
                work();
                return 0;
        } catch (const c10::Error &error) {
                std::snprintf(message, SCULPTOR_MESSAGE, "%s", error.what_without_backtrace());
        } catch (const std::exception &error) {
                std::snprintf(message, SCULPTOR_MESSAGE, "%s", error.what());
        } catch (...) {
                std::snprintf(message, SCULPTOR_MESSAGE, "an exception that does not say what it is");
        }
        return 1;
}

bool one_of(const std::string &key, const std::string &value, const char *yes, const char *no)
{
        if (value != yes && value != no)
                throw std::runtime_error("config: " + key + "=" + value + " is neither " + yes + " nor " + no);
        return value == yes;
}

double number(const std::string &key, const std::string &value)
{
        try {
                size_t used = 0;
                const double result = std::stod(value, &used);
                if (used == value.size())
                        return result;
        } catch (const std::logic_error &) {
        }
        throw std::runtime_error("config: " + key + "=" + value + " is no number");
}

int count(const std::string &key, const std::string &value)
{
        const double n = number(key, value);
        if (!(n >= 1 && n <= 1 << 20) || n != static_cast<int>(n))
                throw std::runtime_error("config: " + key + "=" + value + " is no whole number from 1 to 1048576");
        return static_cast<int>(n);
}

void read_config(const char *text, Model &model, sculptor_model &told)
{
        int threads = 1;
        std::istringstream words(text);
        for (std::string word; words >> word;) {
                const size_t equals = word.find('=');
                const std::string key = word.substr(0, equals);
                const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
                if (key == "output")
                        model.denoiser = one_of(key, value, "denoiser", "score");
                else if (key == "dimension" && model.shape.empty())
                        told.dimension = count(key, value);
                else if (key == "precision")
                        model.type = one_of(key, value, "float", "double") ? at::kFloat : at::kDouble;
                else if (key == "sigma_min")
                        told.sigma_min = number(key, value);
                else if (key == "sigma_max")
                        told.sigma_max = number(key, value);
                else if (key == "gradient")
                        told.can |= one_of(key, value, "yes", "no") ? SCULPTOR_GRADIENT : 0;
                else if (key == "threads")
                        threads = count(key, value);
                else
                        throw std::runtime_error("config: " + word + " is none of output, " +
                                                 (model.shape.empty() ? "dimension, " : "") +
                                                 "precision, sigma_min, sigma_max, gradient, threads");
        }
        at::set_num_threads(threads);
}

at::Tensor tensor(const Model &model, int64_t n, const void *numbers)
{
        std::vector<int64_t> shape = model.shape;
        shape[0] = n;
        return torch::from_blob(const_cast<void *>(numbers), shape, at::TensorOptions(model.type)).clone();
}

/* The score of each row of x, in the shape of x. */
at::Tensor score_of(Model &model, const at::Tensor &x, int64_t n, const double *sigma)
{
        const at::Tensor exact = torch::from_blob(const_cast<double *>(sigma), {n}, at::TensorOptions(at::kDouble));
        const at::Tensor noise = exact.to(model.type);
        const at::Tensor result = model.module.forward({x, noise}).toTensor();
        if (result.numel() != x.numel())
                throw std::runtime_error("forward() returned " + std::to_string(result.numel()) + " numbers, not " +
                                         std::to_string(x.numel()));
        const at::Tensor score = result.reshape(x.sizes()).to(model.type);
        if (!model.denoiser)
                return score;
        std::vector<int64_t> each(model.shape.size(), 1);
        each[0] = n;
        return (score - x) / noise.square().reshape(each);
}

void give(const Model &model, const at::Tensor &result, void *out)
{
        torch::from_blob(out, result.sizes(), at::TensorOptions(model.type)).copy_(result);
}

int open_model(const sculptor_request *request, sculptor_model *told, char *message)
{
        return guarded(message, [&] {
                if (!*request->file)
                        throw std::runtime_error("give file: a module saved by torch.jit");
                auto model = std::make_unique<Model>();
                model->module = torch::jit::load(request->file, torch::Device(torch::kCPU));
                if (request->kind == SCULPTOR_FIELDS) {
                        model->shape = {1, 1};
                        model->shape.insert(model->shape.end(), request->cells, request->cells + request->n_axes);
                } else if (model->module.hasattr("dimension")) {
                        told->dimension = model->module.attr("dimension").toInt();
                }
                read_config(request->config, *model, *told);
                if (told->dimension < 1)
                        throw std::runtime_error("the module has no attribute `dimension`; give config: dimension=N");
                if (model->shape.empty())
                        model->shape = {1, told->dimension};
                model->module.eval();
                model->module.to(model->type);
                told->precision = model->type == at::kFloat ? SCULPTOR_FLOAT : SCULPTOR_DOUBLE;
                told->can |= SCULPTOR_VJP;
                told->state = model.release();
        });
}

void close_model(void *state)
{
        delete static_cast<Model *>(state);
}

int eval(void *state, int64_t n, const double *sigma, const void *x, void *score, char *message)
{
        return guarded(message, [&] {
                Model &model = *static_cast<Model *>(state);
                at::NoGradGuard no_grad;
                give(model, score_of(model, tensor(model, n, x), n, sigma), score);
        });
}

/* Rows do not mix, so that the gradient of sum v.s is each row's product. */
int vjp(void *state, int64_t n, const double *sigma, const void *x, const void *v, void *out, char *message)
{
        return guarded(message, [&] {
                Model &model = *static_cast<Model *>(state);
                at::AutoGradMode with_grad(true);
                const at::Tensor where = tensor(model, n, x).requires_grad_(true);
                const at::Tensor score = score_of(model, where, n, sigma);
                give(model, torch::autograd::grad({score}, {where}, {tensor(model, n, v)})[0], out);
        });
}

} // namespace

const struct sculptor_plugin sculptor_plugin = {
        SCULPTOR_PLUGIN_ABI,
        sizeof(struct sculptor_plugin),
        "torchscript",
        "1.0",
        SCULPTOR_PARTICLES | SCULPTOR_FIELDS,
        0,
        open_model,
        close_model,
        eval,
        nullptr,
        vjp,
        nullptr,
};
