// How far figures from few samples can be trusted. By chance alone the share lost of n probes strays from the true one;
// Chernoff's bound says how seldom, in closed form and for small counts too, where a normal interval is wrong:
// P(share ≥ s | true share p) ≤ exp(-n·KL(s‖p)).
#pragma once

#include <cstdint>

namespace policy {

// n·KL(share‖p) in nats: a chance of exp(-surprise) at most. 0 when the share is p.
double surprise(double share, std::uint32_t n, double p);

// The true share is above (below) p: by chance it would look so with probability exp(-nats) at most.
bool is_above(double share, std::uint32_t n, double p, double nats);
bool is_below(double share, std::uint32_t n, double p, double nats);

}  // namespace policy
