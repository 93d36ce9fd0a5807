// Is the path limping: loss, round trip or jitter over its limit? On two time scales (design.md "Verdicts"):
//  - at once when the last 10 s are at three times the limit or more. For loss that alone can be chance (6 lost of 100
//    come at a true 2 % too), so the probes so far must also speak for "three times the limit" against "the limit" by
//    7 nats: Page's test, fed with each 10 s. With 10 probes a second it never erred in 2,000 simulated hours at half
//    the limit; a loss that grows from 2 % to 30 % in 5 min is known at 6.6 % on average, and before 10 % in 1,000 of
//    1,000 runs (970 of 1,000 when it takes 3 min); one that is 30 % from the start within 5 s.
//  - else when a full window of 5 min is over the limit; for loss so far over it that chance does it in 1 of 100
//  windows.
// It leaves when a full window of 5 min is below half the limit, and never sooner than 5 min after it came: at most 12
// times an hour, whatever the input. Fewer than 20 samples are no evidence, either way.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "base/time.hpp"
#include "policy/verdict.hpp"
#include "policy/windows.hpp"

namespace policy {

struct Limits {
    double loss = 0.02;  // of what is sent, 0 … 1
    base::Duration rtt = std::chrono::milliseconds{250};
    base::Duration jitter = std::chrono::milliseconds{50};
    friend bool operator==(const Limits&, const Limits&) = default;
};

// Page's test over windows of 10 s that do not overlap: a window adds to what stood when it began.
class Suspicion {
public:
    // `nats`: how much the window that ends now speaks for the worse. The sum, never below 0.
    double add(base::TimePoint now, double nats);
    double nats() const { return sum_; }

private:
    struct Entry {
        base::TimePoint at;
        double nats = 0;
    };
    std::array<Entry, 12> past_{};  // a second apart at least: they reach back beyond a window
    std::size_t next_ = 0, count_ = 0;
    double sum_ = 0;
};

class Degraded {
public:
    static constexpr double enough_nats = 7;
    static constexpr int far_over = 3;  // times the limit

    bool on_quality(base::TimePoint now, const Windows& windows, const Limits& limits);  // true: cause() changed
    void on_down() { suspicion_ = {}; }  // evidence from before an outage does not add to what comes after

    std::optional<Cause> cause() const;  // none: well
    base::TimePoint since() const;       // valid with a cause
    bool came_at_once() const;           // … by the 10 s window

    template <class Archive, class Self>
    static void fields(Archive& archive, Self& self) {  // suspicion begins anew
        archive(self.loss_, self.rtt_, self.jitter_);
    }

private:
    struct Scale {
        bool on = false;
        bool at_once = false;
        base::TimePoint since{};
        template <class Archive, class Self>
        static void fields(Archive& archive, Self& self) {
            archive(self.on, self.at_once, self.since);
        }
    };
    const Scale* worst() const;
    void judge_loss(base::TimePoint now, const Windows& windows, double limit);
    void judge_delay(base::TimePoint now, Scale& scale, const Windows& windows, base::Duration limit,
                     base::Duration (*figure)(const quality::Figures&));

    Suspicion suspicion_;
    Scale loss_, rtt_, jitter_;
};

}  // namespace policy
