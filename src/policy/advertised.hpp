// What others are told of a path, for which each change is work: classes of round trip and loss as dn42 counts them,
// and what they add to a MED. Known once a whole window of 5 min is full; a class changes when the window is beyond its
// edge by a tenth, and for loss by more than chance, for 5 min without a break; the MED's share likewise by a quarter.
// Nothing is ever unlearned: a path that dies is told of by its routes.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "policy/windows.hpp"

namespace policy {

std::uint32_t latency_class(base::Duration rtt);  // 1 … 9: at most e, e², … e⁸ ms, and above
std::uint32_t loss_class(double loss);            // 91 … 94: about 0 (0.1 %), at most 1 %, 5 %, and above

struct Classes {
    std::uint32_t latency = 0;                 // 0: not known
    std::uint32_t loss = 0;                    // likewise, as where the peer answers no STAMP
    std::optional<std::uint32_t> med_share{};  // what its round trip and loss cost
    friend bool operator==(const Classes&, const Classes&) = default;
};

class Advertised {
public:
    static constexpr base::Duration hold = std::chrono::minutes{5};

    // `share`: what cost makes of round trip and loss. True: classes() changed.
    bool on_quality(base::TimePoint now, const Windows& windows, std::uint32_t share);
    const Classes& classes() const { return classes_; }

private:
    // When it began to stray; true once it has strayed for long enough.
    struct Patience {
        base::TimePoint since = base::never;
        bool is_over(base::TimePoint now, bool strays);
    };
    void judge_latency(base::TimePoint now, const quality::Figures& figures);
    void judge_loss(base::TimePoint now, const quality::Figures& figures);
    void judge_share(base::TimePoint now, std::uint32_t share);

    Classes classes_;
    Patience latency_, loss_, share_;
};

}  // namespace policy
