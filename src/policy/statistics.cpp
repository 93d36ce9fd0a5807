#include "policy/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace policy {

double surprise(double share, std::uint32_t n, double p) {
    constexpr double least = 1e-9;  // nothing is impossible: a path that never lost anything can begin to
    const auto q = std::clamp(p, least, 1 - least);
    const auto s = std::clamp(share, 0.0, 1.0);
    const auto term = [](double a, double b) { return a > 0 ? a * std::log(a / b) : 0.0; };
    return static_cast<double>(n) * (term(s, q) + term(1 - s, 1 - q));
}

bool is_above(double share, std::uint32_t n, double p, double nats) {
    return share > p && surprise(share, n, p) >= nats;
}

bool is_below(double share, std::uint32_t n, double p, double nats) {
    return share < p && surprise(share, n, p) >= nats;
}

}  // namespace policy
