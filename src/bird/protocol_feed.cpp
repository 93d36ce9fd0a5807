#include "bird/protocol_feed.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace bird {
namespace {

using namespace std::chrono_literals;

// An operator decides while we look away; a look costs BIRD a twentieth of a millisecond.
constexpr base::Duration look_again_after = 2s;
constexpr base::Duration leave_within = 2s;
constexpr std::uint16_t was_disabled = 9, denied = 8007;

}  // namespace

ProtocolFeed::ProtocolFeed(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                           SharedControl& control)
    : undo_{undo},
      now_{std::move(now)},
      control_{control},
      again_{context, [this] { look_at_all(); }},
      limit_{context, [this] {
                 if (left_) std::exchange(left_, {})();
             }} {
    adopt();
}

void ProtocolFeed::adopt() {
    for (const auto& record : undo_.records(protocol_feed)) {
        const auto subject = parse_protocol_subject(record.subject);
        if (!subject || subject->path != control_.path()) continue;
        auto& named = named_[subject->name];
        named.ours = record.ours;
        tell(named, "disabled");
    }
    if (!named_.empty()) connect();
}

void ProtocolFeed::connect() {
    if (std::exchange(joined_, true)) return;
    control_.join({.ready =
                       [this](const Version&) {
                           control_problem_.clear();
                           not_running_ = false;
                           for (auto& [name, named] : named_) named.fresh = true;
                           look_at_all();
                       },
                   .lost = [this](const ControlError& error) { on_lost(error); }});
}

void ProtocolFeed::apply(std::span<const policy::Wanted> all) {
    auto desired = desired_protocols(all);
    judged_ = true;
    unnamed_ = std::move(desired.unnamed);
    for (auto& [name, wish] : desired.protocols) named_.try_emplace(name);
    if (!named_.empty()) connect();
    for (auto& entry : named_) {
        auto& named = entry.second;
        const auto wish = desired.protocols.find(entry.first);
        auto next = wish == desired.protocols.end() ? DesiredProtocol{} : std::move(wish->second);
        const bool changed = next.down != named.desired.down;
        named.desired = std::move(next);
        if (!named.desired.down) named.overruled = false;
        if (changed || named.fresh || (named.ours && !named.desired.down)) look(entry);
    }
    std::erase_if(named_, [](const Entry& entry) {
        const auto& named = entry.second;
        return named.desired.adjacencies.empty() && !named.ours && !named.busy;
    });
}

void ProtocolFeed::look_at_all() {
    for (auto& entry : named_) look(entry);
    const auto follows = [](const Entry& entry) { return entry.second.ours || entry.second.desired.down; };
    if (control_.is_ready() && std::ranges::any_of(named_, follows)) again_.expire_after(look_again_after);
}

void ProtocolFeed::look(Entry& entry) {
    auto& named = entry.second;
    if (!judged_ || !control_.is_ready()) return;
    if (named.busy) {
        named.again = true;
        return;
    }
    named.busy = true;
    named.again = false;
    control_.command(show_protocol(entry.first),
                     [this, name = entry.first](const auto& answer) { on_shown(name, answer); });
}

void ProtocolFeed::on_shown(const std::string& name, const base::Result<Reply, ControlError>& answer) {
    auto& entry = *named_.find(name);
    auto& named = entry.second;
    if (!answer) return;  // on_lost() follows
    named.problem.clear();
    const auto shown = find_protocol(*answer, name);
    if (shown) return take_step(entry, *shown);
    if (answer->ok() || answer->code() / 1000 == 9) {
        if (named.ours) let_go(entry);
        named.problem = "BIRD has no protocol " + name + ": correct bird_protocol (birdc show protocols lists them)";
    } else {
        refused(entry, *answer);
    }
    end_step(entry);
}

void ProtocolFeed::take_step(Entry& entry, const Protocol& shown) {
    auto& named = entry.second;
    const bool fresh = std::exchange(named.fresh, false);
    auto step = next_step(named.desired.down, named.ours, named.overruled, shown);
    if (step == Step::let_go) {
        let_go(entry);
        // A BIRD that was restarted has forgotten; one that was not has been told otherwise.
        named.overruled = named.desired.down && !fresh;
        step = next_step(named.desired.down, named.ours, named.overruled, shown);
    }
    if (step == Step::disable) return disable_it(entry);
    if (step == Step::enable) return enable_it(entry);
    if (named.overruled)
        named.problem = entry.first + " was enabled while its peer is down, and is left alone until that is back";
    tell(named, named.ours ? "disabled" : named.desired.down ? "left alone" : "nothing");
    end_step(entry);
}

void ProtocolFeed::disable_it(Entry& entry) {
    auto& [name, named] = entry;
    try {
        undo_.record({protocol_feed, to_subject(control_.path(), name), "enabled", named.desired.message});
    } catch (const std::system_error& error) {
        named.problem = "left " + name + " as it is, for its undo record cannot be written: " + error.what();
        return end_step(entry);
    }
    named.ours = named.desired.message;
    control_.command(disable(name, named.desired.message),
                     [this, of = name](const auto& answer) { on_disabled(of, answer); });
}

void ProtocolFeed::on_disabled(const std::string& name, const base::Result<Reply, ControlError>& answer) {
    auto& entry = *named_.find(name);
    if (!answer) return;  // whether BIRD heard it shows when it is looked at again
    if (answer->ok() && answer->lines.front().code == was_disabled) {
        tell(entry.second, "disabled");
    } else {
        let_go(entry);  // somebody was faster, or it is refused
        if (!answer->ok()) refused(entry, *answer);
    }
    again_.expire_after(look_again_after);
    end_step(entry);
}

void ProtocolFeed::enable_it(Entry& entry) {
    control_.command(enable(entry.first), [this, name = entry.first](const auto& answer) { on_enabled(name, answer); });
}

void ProtocolFeed::on_enabled(const std::string& name, const base::Result<Reply, ControlError>& answer) {
    auto& entry = *named_.find(name);
    if (!answer) return;
    if (answer->ok()) {
        let_go(entry);
        tell(entry.second, "nothing");
    } else {
        refused(entry, *answer);
    }
    end_step(entry);
}

void ProtocolFeed::refused(Entry& entry, const Reply& reply) {
    entry.second.problem =
        reply.code() == denied
            ? control_.path() + " is a restricted control socket: give control in [bird] one without `restrict`"
            : "BIRD refuses to change " + entry.first + ": " + reply.error();
}

void ProtocolFeed::on_lost(const ControlError& error) {
    control_problem_ = error.text;
    again_.cancel();
    for (auto& [name, named] : named_) named.busy = named.again = false;
    not_running_ = error.failure == ControlFailure::not_running;
    if (left_ && not_running_) let_all_go();
    check_left();
}

// A BIRD that does not run has nothing disabled, and starts with what its file says.
void ProtocolFeed::let_all_go() {
    for (auto& entry : named_)
        if (entry.second.ours) let_go(entry);
}

void ProtocolFeed::end_step(Entry& entry) {
    auto& named = entry.second;
    named.busy = false;
    if (std::exchange(named.again, false)) look(entry);
    check_left();
}

void ProtocolFeed::let_go(Entry& entry) {
    entry.second.ours.reset();
    try {
        undo_.forget(protocol_feed, to_subject(control_.path(), entry.first));
        undo_problem_.clear();
    } catch (const std::system_error& error) {
        // A record too many is harmless: it is reverted only where our message still stands.
        undo_problem_ = std::string{"an undo record stays: "} + error.what();
    }
}

void ProtocolFeed::withdraw_all(std::function<void()> done) {
    left_ = std::move(done);
    limit_.expire_after(leave_within);
    apply({});
    if (not_running_) let_all_go();
    check_left();
}

void ProtocolFeed::check_left() {
    if (!left_) return;
    for (const auto& [name, named] : named_)
        if (named.ours || named.busy) return;
    limit_.expire_after({});  // in a turn of its own
}

void ProtocolFeed::tell(Named& named, const char* what) {
    if (named.told_at && named.told == what) return;
    named.told = what;
    named.told_at = now_().wall;
}

policy::FeedStatus ProtocolFeed::status() const {
    policy::FeedStatus out{.name = protocol_feed, .healthy = true, .problem = undo_problem_, .told = {}};
    const auto add = [&](const std::string& problem) {
        if (!problem.empty()) out.problem += (out.problem.empty() ? "" : "; ") + problem;
    };
    if (!named_.empty()) add(control_problem_);
    for (const auto& name : unnamed_)
        add(name +
            " has the feed bird-protocol and no protocol: write bird_protocol = \"NAME\" into its [[adjacency]]");
    for (const auto& [name, named] : named_) {
        add(named.problem);
        if (!named.told_at) continue;
        for (const auto id : named.desired.adjacencies) out.told.push_back({id, named.told, *named.told_at});
    }
    out.healthy = out.problem.empty();
    return out;
}

std::string to_subject(const std::string& path, const std::string& name) { return path + " " + name; }

std::optional<ProtocolSubject> parse_protocol_subject(const std::string& subject) {
    const auto space = subject.rfind(' ');  // a path may hold some, a name none
    if (space == std::string::npos || space == 0) return std::nullopt;
    ProtocolSubject out{subject.substr(0, space), subject.substr(space + 1)};
    if (!adjacency::is_bird_name(out.name)) return std::nullopt;
    return out;
}

base::Result<bool, std::string> revert_protocol(const io::UndoRecord& record) {
    const auto subject = parse_protocol_subject(record.subject);
    if (!subject || record.feed != protocol_feed) return tl::unexpected{std::string{"is no record of a protocol"}};
    const auto reply = ask(subject->path, show_protocol(subject->name));
    if (!reply && reply.error().failure == ControlFailure::not_running) return false;
    if (!reply) return tl::unexpected{reply.error().text};
    const auto shown = find_protocol(*reply, subject->name);
    if (!shown || next_step(false, record.ours, false, *shown) != Step::enable) return false;
    const auto done = ask(subject->path, enable(subject->name));
    if (!done) return tl::unexpected{done.error().text};
    if (!done->ok()) return tl::unexpected{done->error()};
    return true;
}

}  // namespace bird
