/*
 * An estimate of how a call sounds: the E-model of ITU-T G.107, simplified.  All of its parameters have their default values (R = 93.2 without an
 * impairment) but for delay and loss:
 *
 *   R      = 93.2 - Id - Ie,eff
 *   Id     = 0.024 d + 0.11 (d - 177.3) for d > 177.3     d: one way from mouth to ear, ms; the usual fit to the curve of G.107
 *   Ie,eff = Ie + (95 - Ie) p / (p + Bpl)                 p: percent of packets lost by chance; Ie and Bpl of the codec (G.113 Appendix I)
 *   MOS    = 1 + 0.035 R + R (R - 60) (100 - R) 7e-6      (G.107 Annex B), 1 for R < 0
 */
#pragma once

/* What a codec costs without loss (Ie), and how well it hides losses (Bpl). */
struct reload_quality_codec {
	double impairment, robustness;
};

/* reload_quality_r() returns the rating factor R, 0 to 93.2; reload_quality_mos() the mean opinion score that belongs to it, 1 to 4.5. */
double reload_quality_r(
	const struct reload_quality_codec *codec, double one_way_ms, double loss_percent);
double reload_quality_mos(double r);
