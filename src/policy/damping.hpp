// Merit damping (after RFC 2439): each Down costs a path 1,000 points, which halve every half_life. At `suppress` it is
// taken away although its session is Up, until it is below `reuse`, and never for longer than `max`: however it flaps
// meanwhile, it then has another chance, and begins it with `reuse` points. By default that takes four Downs within
// some 15 s, and lasts 24 s after the last. `max` = 0: never.
// A path that is suppressed and spared (the last one of its group) stays usable, at a higher cost, until its time is
// up.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace policy {

struct DampingRules {
    base::Duration half_life = std::chrono::seconds{15};
    std::uint32_t suppress = 3'000;
    std::uint32_t reuse = 1'000;
    base::Duration max = std::chrono::seconds{60};
    friend bool operator==(const DampingRules&, const DampingRules&) = default;
};

class Damping {
public:
    static constexpr double penalty = 1'000;

    void on_down(base::TimePoint now, const DampingRules& rules);
    bool on_deadline(base::TimePoint now);  // true: it is released
    base::TimePoint deadline() const { return suppressed_ ? release_at_ : base::never; }

    void spare() { spared_ = suppressed_; }
    bool is_suppressed() const { return suppressed_; }
    bool is_spared() const { return spared_; }
    double points(base::TimePoint now) const;

    template <class Archive, class Self>
    static void fields(Archive& archive, Self& self) {
        archive(self.points_, self.at_, self.half_life_, self.reuse_, self.suppressed_, self.spared_,
                self.suppressed_since_, self.release_at_);
    }

private:
    double points_ = 0;  // at at_
    base::TimePoint at_{};
    base::Duration half_life_ = std::chrono::seconds{15};
    double reuse_ = 0;
    bool suppressed_ = false, spared_ = false;
    base::TimePoint suppressed_since_{}, release_at_ = base::never;
};

}  // namespace policy
