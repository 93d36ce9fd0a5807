// Measures one path: when the next probe goes, by which method, and what became of the last ones. `automatic` begins
// with STAMP, falls back to ICMP echo where nobody answers it, and asks again every minute.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "quality/results.hpp"
#include "quality/sender.hpp"
#include "quality/settings.hpp"

namespace quality {

class Meter {
public:
    Meter(const Settings& settings, std::uint32_t seed, base::TimePoint now);

    void change(const Settings& settings, base::TimePoint now);  // measures on where only the silence is another
    const Settings& settings() const { return settings_; }
    Method method() const { return method_; }

    base::TimePoint deadline() const { return next_probe_; }  // never: method off
    // At the deadline, in this order: decide() until it says false, each time with a take(); then a probe with
    // next_sequence() of method(), on_sent() if it went out, and wait().
    bool decide(base::TimePoint now, base::TimePoint seen_until, base::TimePoint gap_end);
    Results take(base::TimePoint now);
    std::uint32_t next_sequence() const { return sender_.next_sequence(); }
    void on_sent(base::TimePoint now, std::uint32_t cookie) { sender_.on_sent(now, cookie); }
    void wait(base::TimePoint now);

    Taken on_answer(Method method, const Answer& answer);
    Numbering numbering() const { return sender_.numbering(); }

private:
    void choose(Method method);
    std::optional<Method> better_method(base::TimePoint now) const;
    std::uint32_t patience() const;

    Settings settings_;
    Method method_;
    Sender sender_;
    Results results_;
    base::TimePoint next_probe_;
    base::TimePoint told_at_;
    base::TimePoint ask_again_ = base::never;  // whether the peer answers STAMP by now
    std::uint32_t random_;
};

}  // namespace quality
