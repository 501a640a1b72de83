/* The networks there are. A new one is a new file, a line here and a line in network.c. */
#ifndef SCULPTOR_NETWORK_TYPES_H
#define SCULPTOR_NETWORK_TYPES_H

#include "sculptor/network.h"

extern const struct network_type network_mlp;
extern const struct network_type network_energy;
extern const struct network_type network_spectral;
extern const struct network_type network_unet;

#endif
