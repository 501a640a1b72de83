"""Inputs of reverse samplers by ODEs and churn that cannot be, and what they say. (beside others)"""
import unittest

from support import Case, SCULPTOR, run


class BadInput(Case):
    GOOD = """\
seed: 1
population: {particles: 64, initial: {type: normal}}
score: {type: gaussian, mean: [0, 0], sigma: [1, 2]}
levels: {type: geometric, sigma_max: 80, sigma_min: 0.01, count: 3}
sampler:
  type: SAMPLER
  time_steps: {type: karras, sigma_max: 80, sigma_min: 0.01, count: 10}
"""
    # the sampler's lines, the line at fault, what must be said
    CASES = {
        "no tolerance": ("probability_flow\n  method: dormand_prince\n  relative_tolerance: 0", 8,
                         "sampler.relative_tolerance: "),
        "no absolute tolerance": ("probability_flow\n  method: dormand_prince\n  absolute_tolerance: 0", 8,
                                  "sampler.absolute_tolerance: "),
        "no such method": ("probability_flow\n  method: rk5", 7, "sampler.method: "),
        "no such control": ("probability_flow\n  control: lane", 7, "sampler.control: "),
        "order 4": ("dpm_solver\n  order: 4", 7, "sampler.order: "),
        "negative churn": ("edm_stochastic\n  s_churn: -1", 7, "sampler.s_churn: "),
        "no sigma to churn at": ("edm_stochastic\n  s_min: 2\n  s_max: 1", 8, "sampler.s_max: 1 is below s_min, 2"),
    }

    def check(self, sampler):
        return run([SCULPTOR, "check", self.write("input.yaml", self.GOOD.replace("SAMPLER", sampler))])

    def test_each_is_told_in_a_line_of_its_own(self):
        for name, (sampler, line, said) in self.CASES.items():
            with self.subTest(case=name):
                done = self.check(sampler)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertTrue(done.stderr.startswith(f"{self.path('input.yaml')}:{line}: {said}"), done.stderr)

    def test_good_ones_are_good(self):
        for sampler in ("probability_flow\n  method: dormand_prince\n  control: particle", "dpm_solver\n  order: 3",
                        "edm_stochastic\n  s_churn: 40\n  s_max: inf"):
            self.assertEqual(self.check(sampler).returncode, 0)


if __name__ == "__main__":
    unittest.main()
