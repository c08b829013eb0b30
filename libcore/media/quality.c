#include "media/quality.h"

#define R_BEST       93.2
#define DELAY_KNEE   177.3
#define LOSS_CEILING 95.0

double reload_quality_r(
	const struct reload_quality_codec *codec, double one_way_ms, double loss_percent)
{
	double delay = 0.024 * one_way_ms;
	if (one_way_ms > DELAY_KNEE)
		delay += 0.11 * (one_way_ms - DELAY_KNEE);
	double equipment = codec->impairment + (LOSS_CEILING - codec->impairment) * loss_percent /
						       (loss_percent + codec->robustness);
	double r = R_BEST - delay - equipment;
	return r > 0 ? r : 0;
}

double reload_quality_mos(double r)
{
	if (r <= 0)
		return 1;
	double mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
	return mos < 1 ? 1 : mos; /* the polynomial dips below 1 for the smallest R */
}
