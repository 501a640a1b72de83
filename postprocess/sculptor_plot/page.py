"""index.html: one file that can be mailed, with the pictures inside and nothing loaded from elsewhere."""

import base64
import html
import math

import numpy as np

from . import __version__, style
from .captions import caption
from .sampler_name import evaluations_text

CSS = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #ffffff; --sheet: #f5f7f9;
  --line: #d8dee4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #98a2ad; --paper: #14171c; --sheet: #1d2128; --line: #343a43; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 2.5rem 1.5rem 4rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.3rem; margin: 2.8rem 0 .8rem; }
.under { color: var(--soft); margin: 0 0 1.6rem; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 0 2rem; margin: 0; }
.facts div { display: flex; justify-content: space-between; gap: 1rem; padding: .4rem 0;
  border-bottom: 1px solid var(--line); }
.facts dt { color: var(--soft); } .facts dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
.notes { border-left: 4px solid #E69F00; background: var(--sheet); padding: .6rem 1rem; margin: 1.6rem 0 0; }
.notes ul { margin: .2rem 0; padding-left: 1.2rem; }
figure { margin: 0; }
figure img { display: block; width: 100%; height: auto; background: #fff; padding: .6rem;
  border: 1px solid var(--line); border-radius: 6px; }
figure img.small { max-width: 48rem; }
figcaption { color: var(--soft); margin-top: .7rem; max-width: 54rem; }
pre, code { font: .88rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
pre { background: var(--sheet); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem;
  overflow-x: auto; }
summary { cursor: pointer; } details + details { margin-top: .6rem; }
footer { margin-top: 3rem; color: var(--soft); font-size: .88rem; }
"""

def _first(parameters, *keys):
    return next((parameters[key] for key in keys if parameters.get(key)), None)


def _levels(run, levels):
    n = run.series.n_levels if run.series else 0
    if not n:
        n = sum(level.index > 0 for level in levels)
        return f"{n} with snapshots" if n else "none finished"
    sigma = np.asarray(run.series.get("sigma"), dtype=float)
    sigma = sigma[sigma > 0]
    if len(sigma) < 2 or sigma[0] == sigma[-1]:
        return style.number(n)
    return f"{n}, \u03c3 {style.number(sigma[0])} \u2192 {style.number(sigma[-1])}"


def _total(run, name):
    values = run.series.get(name) if run.series else None
    if values is None or not np.isfinite(values.astype(float)).any():
        return math.nan
    return float(np.nansum(np.where(values < 0, 0, values.astype(float))))  # a missing integer is the least one


def _size(run, last):
    if not run.is_field:
        return [("Particles", style.number(last.n_particles)), ("Dimension", style.number(last.n_dim))]
    box = last.box
    lengths = [style.number(length, 5) for length in box.lengths]
    size = lengths[0] if len(set(lengths)) == 1 else " \u00d7 ".join(lengths)
    return [("Realisations", style.number(last.n_particles)), ("Mesh", " \u00d7 ".join(str(n) for n in box.mesh)),
            ("Box", f"{size} {box.unit}" if box.unit != "cells" else None)]


def _steps(run, last):
    """Of a reverse sampler the process and the time steps; of others the steps a level."""
    p = run.parameters
    if math.isnan(run.time_of(last)):
        return [("Steps a level", p.get("sampler.steps_per_level"))]
    rule, count = p.get("sampler.time_steps.type"), p.get("sampler.time_steps.count")
    return [("Method", p.get("sampler.method", p.get("sampler.order"))), ("Process", p.get("process.type")),
            ("Time steps", ", ".join(part for part in (rule, f"{count} points" if count else None) if part)),
            ("Evaluations", evaluations_text(run, last))]


def facts(run, levels):
    """(name, text) of what a reader wants to know first; what is not known is left out."""
    p, a = run.parameters, run.attributes
    sampler, scheme = p.get("sampler.type"), _first(p, "sampler.scheme", "sampler.scheme.type")
    evaluations, seconds = _total(run, "evaluations"), _total(run, "wall_seconds")
    rows = [
        ("Target", p.get("score.type")),
        *_size(run, levels[-1]),
        ("Levels", _levels(run, levels)),
        ("Schedule", p.get("levels.type")),
        ("Sampler", sampler),
        ("Scheme", scheme),
        *_steps(run, levels[-1]),
        ("Denoised at the end", {"true": "yes", "false": "no"}.get(p.get("sampler.denoise"))),
        ("Seed", a.get("seed", p.get("seed"))),
        ("Score evaluations", None if math.isnan(evaluations) else style.number(evaluations)),
        ("Wall time", None if math.isnan(seconds) else style.duration(seconds)),
        ("Version", " ".join(str(a[key]) for key in ("software", "softwareVersion") if a.get(key))),
        ("Commit", a.get("commit")),
        ("Machine", a.get("machine")),
        ("Written", a.get("date")),
    ]
    return [(name, str(value)) for name, value in rows if value not in (None, "")]


def _figure(png, title, text):
    width = int.from_bytes(png[16:20], "big")  # of the PNG header: small pictures are not blown up
    small = ' class="small"' if width < 1500 else ""
    data = base64.b64encode(png).decode("ascii")
    return (f'<h2>{html.escape(title)}</h2>\n<figure><img{small} alt="{html.escape(title)}" '
            f'src="data:image/png;base64,{data}">\n<figcaption>{html.escape(text)}'
            "</figcaption></figure>")


def _details(title, text):
    return f"<details><summary>{html.escape(title)}</summary><pre>{html.escape(str(text).rstrip())}</pre></details>"


def _open_data(run, last):
    folder = str(run.directory)
    name, shape, column, of = (("density", "(realization, z, y, x)" if last.box.n_dim == 3 else "(realization, y, x)",
                                "power", "(level, shell)") if run.is_field
                               else ("state", "(particle, coordinate)", "mean", "(level, coordinate)"))
    lines = [f'import h5py; x = h5py.File({str(last.path)!r})["{name}"][:]   # {shape}']
    if run.series and column in run.series:
        lines.append(f'import h5py; {column} = h5py.File({str(run.series.path)!r})["{column}"][:]   # {of}')
    lines.append(f"import sculptor_plot; run = sculptor_plot.read({folder!r})   # run.levels, run.series"
                 + ("" if run.is_field else ", run.target"))
    return "<h2>The data</h2>\n<p>One line each:</p>\n<pre>" + html.escape("\n".join(lines)) + "</pre>"


def write(run, levels, pictures, notes):
    """The page as text. pictures: {name: PNG bytes}; notes: what is missing, a line each."""
    title = run.directory.resolve().name
    rows = "\n".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"
                     for name, value in facts(run, levels))
    parts = [f"<h1>{html.escape(title)}</h1>",
             f'<p class="under">A Sculptor run: {html.escape(str(run.directory.resolve()))}</p>',
             f'<dl class="facts">\n{rows}\n</dl>']
    if notes:
        items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
        parts.append(f'<div class="notes">Not in these pictures:<ul>{items}</ul></div>')
    parts += [_figure(png, *caption(name, run.is_field, run.target is not None)) for name, png in pictures.items()]
    parts.append("<h2>The input</h2>")
    texts = (("The input file", "input_text"), ("Changed on the command line", "overrides"),
             ("All parameters in effect", "parameters"))
    found = [_details(name, run.attributes[key]) for name, key in texts if str(run.attributes.get(key, "")).strip()]
    parts.append("\n".join(found) or "<p>The files hold no input text.</p>")
    parts.append(_open_data(run, levels[-1]))
    parts.append(f"<footer>Drawn by sculptor-plot {__version__}.</footer>")
    body = "\n".join(parts)
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{html.escape(title)}: a Sculptor run</title>\n<style>{CSS}</style>\n</head>\n"
            f"<body>\n{body}\n</body>\n</html>\n")
