// What a check outside of us says of a path (`wgbfd evidence`: an HTTP status, a database probe), until it expires by
// itself. It weighs in where the session is Up, and only to the worse: what is Down stays so, whoever says "up".
// "down" takes the path away, but never the last usable one of a group: a check that fails over every path tells of
// what lies behind them. That one is spared: usable, at a higher cost, for as long as no other is.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "base/time.hpp"
#include "policy/verdict.hpp"

namespace policy {

struct Opinion {
    VerdictState state = VerdictState::up;  // up, degraded or down
    std::string reason;                     // in the words of whoever says it; may be ""
    base::TimePoint until = base::never;
    base::WallTime until_wall{};
};

class Outside {
public:
    static constexpr std::size_t longest_kept = 200;  // bytes, of the reason

    void tell(Opinion opinion) { opinion_ = std::move(opinion); }
    bool on_deadline(base::TimePoint now) {  // true: it has expired
        if (!opinion_ || now < opinion_->until) return false;
        opinion_.reset();
        return true;
    }
    base::TimePoint deadline() const { return opinion_ ? opinion_->until : base::never; }

    const std::optional<Opinion>& opinion() const { return opinion_; }
    bool says_down() const { return opinion_ && opinion_->state == VerdictState::down; }
    bool says_degraded() const { return opinion_ && opinion_->state == VerdictState::degraded; }
    void spare(bool spared) { spared_ = spared; }  // thought over whenever the group is
    bool takes_away() const { return says_down() && !spared_; }
    bool is_spared() const { return says_down() && spared_; }

    // For the time after a restart of ours. A long reason is cut.
    template <class Archive, class Self>
    static void fields(Archive& archive, Self& self) {
        bool is_told = self.opinion_.has_value();
        auto kept = self.opinion_.value_or(Opinion{});
        if (kept.reason.size() > longest_kept) kept.reason.resize(longest_kept);
        archive(is_told, kept.state, kept.reason, kept.until, kept.until_wall);
        if constexpr (!std::is_const_v<Self>)
            if (is_told) self.opinion_ = std::move(kept);
    }

private:
    std::optional<Opinion> opinion_;
    bool spared_ = false;
};

}  // namespace policy
