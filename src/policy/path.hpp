// What policy keeps of one path over time, and what that makes of a verdict: the session's word first, then
//  - up_delay: a path that failed counts as down until its session has been Up for so long. What we only just met (a
//    start of ours included) is not kept waiting.
//  - drain: at once the path costs more than any other; after 5 s, time enough for routing to go elsewhere, its session
//    says AdminDown. Taken back, it costs so much until the session is Up again, or is known not to come.
//  - damping, degraded and what is said outside (see there). The last path of a group is spared: see group.
// Figures that nobody renewed for 5 min are no evidence, and forgotten; what others were told of them stands.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>

#include "base/time.hpp"
#include "policy/advertised.hpp"
#include "policy/cost.hpp"
#include "policy/damping.hpp"
#include "policy/degraded.hpp"
#include "policy/outside.hpp"
#include "policy/verdict.hpp"

namespace policy {

struct Rules {
    std::uint32_t cost = Verdict{}.cost;  // base
    base::Duration up_delay{};
    Limits limits{};
    DampingRules damping{};
    friend bool operator==(const Rules&, const Rules&) = default;
};

class UpDelay {
public:
    void on_down(Cause cause);
    void on_up(base::TimePoint now, base::Duration delay);
    bool on_deadline(base::TimePoint now);  // true: it is over
    base::TimePoint deadline() const { return until_; }
    void waive();

    bool holds() const { return until_ != base::never; }
    Cause cause() const { return cause_; }  // of the Down before

    template <class Archive, class Self>
    static void fields(Archive& archive, Self& self) {
        archive(self.failed_, self.cause_, self.until_);
    }

private:
    bool failed_ = false;
    Cause cause_ = Cause::detect_timeout;
    base::TimePoint until_ = base::never;
};

class Drain {
public:
    static constexpr base::Duration notice = std::chrono::seconds{5};

    void begin(base::TimePoint now);
    void resume();  // it was drained before a restart of ours: routing has gone elsewhere long ago
    void end();
    void returned() { returning_ = false; }
    bool on_deadline(base::TimePoint now);  // true: the session is to be shut now
    base::TimePoint deadline() const { return shut_at_; }

    bool is_on() const { return on_; }
    bool is_shut() const { return on_ && shut_at_ == base::never; }
    bool is_returning() const { return returning_; }

    template <class Archive, class Self>
    static void fields(Archive& archive, Self& self) {
        archive(self.on_, self.returning_, self.shut_at_);
    }

private:
    bool on_ = false;
    bool returning_ = false;
    base::TimePoint shut_at_ = base::never;
};

class Path {
public:
    void on_up(base::TimePoint now, const Rules& rules);
    void on_down(base::TimePoint now, const Rules& rules, Cause cause);
    void on_leave();  // AdminDown, ours or the peer's: no failure
    // True when the verdict may be another.
    bool on_quality(base::TimePoint now, const quality::Quality& quality, const Rules& rules);
    bool on_deadline(base::TimePoint now);
    base::TimePoint deadline() const;

    // True: it carries no packets as long as its interface sends; none: not known, or not any more. It is told with
    // every verdict.
    void on_passage(std::optional<bool> limited);

    // Nothing counts any more that was measured: it is not measured any longer, or elsewhere.
    void forget_quality();

    // What becomes of what the session alone says.
    Verdict judge(const Verdict& assessed, const Rules& rules) const;

    UpDelay up_delay;
    Damping damping;
    Drain drain;
    Outside outside;
    const Degraded& degraded() const { return degraded_; }
    const Cost& cost() const { return cost_; }
    const Classes& classes() const { return advertised_.classes(); }
    const std::optional<quality::Quality>& quality() const { return quality_; }  // as last told
    base::TimePoint answered_at() const { return answered_at_; }  // figures with answers were told; never: none yet
    base::TimePoint up_since() const { return up_since_; }        // never: it is not Up

    // What a restart of ours must not forget. The figures are measured anew, and are forgotten in time if nobody does.
    template <class Archive, class Self>
    static void fields(Archive& archive, Self& self) {
        bool measured = self.quality_.has_value();
        archive(self.up_delay, self.damping, self.drain, self.outside, self.degraded_, self.cost_, self.limited_,
                measured, self.told_at_, self.up_since_);
        if constexpr (!std::is_const_v<Self>) {
            if (measured) self.quality_.emplace();
            self.limited_before_ = self.limited_;
        }
    }

private:
    void outdate();

    bool limited_ = false;
    bool limited_before_ = false;  // a restart of ours: it stands until more is known
    Degraded degraded_;
    Cost cost_;
    Advertised advertised_;
    std::optional<quality::Quality> quality_;
    base::TimePoint told_at_{};
    base::TimePoint answered_at_ = base::never;
    base::TimePoint up_since_ = base::never;
};

}  // namespace policy
