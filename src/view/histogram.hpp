// Observations counted by size, as Prometheus wants them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/time.hpp"

namespace view {

// Buckets end at `bounds`, ascending; one more holds what is beyond.
class Histogram {
public:
    explicit Histogram(std::span<const base::Duration> bounds) : bounds_{bounds}, counts_(bounds.size() + 1) {}
    Histogram(std::span<const base::Duration> bounds, std::vector<std::uint64_t> counts, base::Duration sum)
        : bounds_{bounds}, counts_{std::move(counts)}, sum_{sum} {}
    void observe(base::Duration value) {
        const auto place = std::ranges::lower_bound(bounds_, value);  // a bucket holds its bound
        ++counts_[static_cast<std::size_t>(place - bounds_.begin())];
        sum_ += value;
    }
    std::span<const base::Duration> bounds() const { return bounds_; }
    const std::vector<std::uint64_t>& counts() const { return counts_; }  // a bucket each, not added up
    base::Duration sum() const { return sum_; }

private:
    std::span<const base::Duration> bounds_;
    std::vector<std::uint64_t> counts_;
    base::Duration sum_{};
};

}  // namespace view
