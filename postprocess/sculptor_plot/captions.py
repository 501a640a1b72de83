"""What stands under the pictures on the page: {name: (title, text)}."""

# With the exact density, and without.
POPULATION = {
    "filmstrip": (
        "The sculpting",
        "The population at each noise level, from noise to data. The frames narrow in factors of two; a dashed frame "
        "shows what the next panel enlarges. Look for: modes that appear where the exact contours say and hold as many "
        "particles as they should; particles left between modes; clouds wider or narrower than their contours, which "
        "is what a step too large or too few steps look like.",
        "The population at each noise level, from noise to data. The frames narrow in factors of two; a dashed frame "
        "shows what the next panel enlarges. No exact density is known here, so there is none to compare with: look "
        "for structure that stops changing at the last levels."),
    "marginals": (
        "The last level, coordinate by coordinate",
        "Histograms and the exact density at the last noise level. Below each, the residual of every bin in standard "
        "errors of independent particles; chi-squared should be near its degrees of freedom, within a few times the "
        "root of twice their number. Scatter inside the grey band is what exact samples give. A smooth wave is a bias: "
        "antisymmetric about a mode for a shift, W-shaped for a width, whole modes up or down for wrong weights.",
        "Histograms at the last level. No exact marginal is known here, so no residuals are drawn."),
    "series": (
        "From level to level",
        "The measured mean and width of the first coordinates, and how far both are off the exact values in standard "
        "errors; how much the noise outweighs the drift in one step (far above 1 the particles diffuse, far below 1 "
        "the step is too long for the score); the acceptance of Metropolis steps, if any; the weight of each mode "
        "against the target's; speed and wall time.",
        "The measured mean and width of the first coordinates; how much the noise outweighs the drift in one step (far "
        "above 1 the particles diffuse, far below 1 the step is too long for the score); the acceptance of Metropolis "
        "steps, if any; speed and wall time."),
}

FIELD = {
    "filmstrip": (
        "The sculpting",
        "Maps of one realisation at each noise level: all of a two-dimensional field, a slice through the middle of a "
        "three-dimensional one. Contrasts are shown in units of each panel's own rms, which stands above it, so that "
        "structure can be told from noise at every level; a lognormal field is shown as a density, on a logarithmic "
        "scale, as soon as noise no longer pushes cells below zero. Large scales come out first: there the spectrum "
        "rises above the noise earlier."),
    "wiener": (
        "The posterior against Wiener's exact answer",
        "Above: the truth, the data with what was not observed hatched, and the exact posterior mean and standard "
        "deviation. Below: one sample, which should look like the truth also where nothing was observed; the "
        "mean of the samples; its difference from the exact mean in standard errors, which should be noise of "
        "rms 1, blind to the mask; and the standard deviation of the samples."),
    "power": (
        "The power spectrum",
        "Points: the mean over realisations of P(k) at some levels, with its standard error from the scatter between "
        "realisations. Lines: the exact spectrum with the level's white noise. Below: the residual with the band of "
        "one standard deviation that exact samples scatter in, the root of 2/(N M) for N modes in M realisations; and "
        "the same in units of that deviation, where the many modes of small scales show small errors. Chi-squared "
        "should be near the number of shells."),
    "pdf": (
        "The one-point distribution",
        "The distribution of the cells' contrast in units of its rms, on a logarithmic scale that shows the tails. "
        "A Gaussian field has no skewness and no excess kurtosis at any noise. The lognormal curve is that of the "
        "measured variance, convolved with the level's noise."),
    "correlations": (
        "Beyond the power spectrum",
        "The correlation function, to which white noise adds at zero separation only, so that all levels should agree "
        "within their scatter (levels whose noise hides it are left out); the correlation of the samples with the "
        "truth, scale by scale, where there is one; the bispectrum, which vanishes for a Gaussian field. The vertical "
        "scales are made for the last level, drawn bold: noisier levels may leave them."),
    "series": (
        "From level to level",
        "Variance, skewness and kurtosis of the cells; chi-squared of the power spectrum for each shell, which should "
        "stay near 1, inside the band of two standard deviations; acceptance of Metropolis steps, if any; speed and "
        "wall time."),
}


def caption(name, is_field, is_exact):
    """Title and text."""
    if is_field:
        return FIELD[name]
    title, *texts = POPULATION[name]
    return title, texts[0 if is_exact else 1]
