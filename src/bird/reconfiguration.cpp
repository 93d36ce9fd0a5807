#include "bird/reconfiguration.hpp"

#include <algorithm>
#include <utility>

namespace bird {
namespace {

constexpr std::uint16_t undo_scheduled = 22, denied = 8007;

}  // namespace

void Reconfiguration::run(std::vector<Defines> candidates, Defines before, Done done) {
    candidates_ = std::move(candidates);
    before_ = std::move(before);
    done_ = std::move(done);
    at_ = 0;
    control_.command("configure status", [this](const Answered& answer) { on_status(answer); });
}

// A BIRD that does not know the question has no `configure timeout` to be asked about.
void Reconfiguration::on_status(const Answered& answer) {
    if (!answer) return lost(answer.error());
    const auto trial = std::ranges::find(answer->lines, undo_scheduled, &Line::code);
    if (trial != answer->lines.end()) return finish(Outcome::on_trial, trial->text);
    try_next();
}

void Reconfiguration::try_next() {
    if (!store_.write(candidates_[at_])) return finish(Outcome::not_written, store_.problem());
    control_.command("configure check", [this](const Answered& answer) { on_checked(answer); });
}

void Reconfiguration::on_checked(const Answered& answer) {
    if (!answer) return lost(answer.error());
    if (!answer->ok()) return refused(*answer);
    control_.hold();
    control_.command_in_hold("show protocols", [this](const Answered& shown) { on_protocols(shown); });
}

void Reconfiguration::on_protocols(const Answered& answer) {
    if (!answer) return lost(answer.error());
    disabled_ = disabled_protocols(*answer);
    asked_ = 0;
    ask_next_message();
}

void Reconfiguration::ask_next_message() {
    if (asked_ == disabled_.size()) return configure();
    control_.command_in_hold(show_protocol(disabled_[asked_].name), [this](const Answered& answer) {
        if (!answer) return lost(answer.error());
        auto& protocol = disabled_[asked_++];
        if (const auto shown = find_protocol(*answer, protocol.name)) protocol.message = shown->message;
        ask_next_message();
    });
}

// Commands are served in order, and nobody's comes between these.
void Reconfiguration::configure() {
    control_.command_in_hold("configure", [this](const Answered& done) { on_configured(done); });
    for (const auto& protocol : disabled_)
        control_.command_in_hold(disable(protocol.name, protocol.message), [](const auto&) {});
    control_.release();
}

void Reconfiguration::on_configured(const Answered& answer) {
    if (!answer) {
        owed_ = answer.error().failure == ControlFailure::timeout;
        return lost(answer.error());
    }
    if (!answer->ok()) return refused(*answer);
    finish(Outcome::taken);
}

void Reconfiguration::disable_again() {
    if (!std::exchange(owed_, false)) return;
    for (const auto& protocol : disabled_)
        control_.command(disable(protocol.name, protocol.message), [](const auto&) {});
}

void Reconfiguration::refused(const Reply& reply) {
    if (reply.code() != denied && at_ + 1 < candidates_.size()) {
        ++at_;
        return try_next();
    }
    // What was there before is what the operator's own `configure` must find.
    if (!store_.write(before_)) return finish(Outcome::not_written, store_.problem());
    if (reply.code() == denied) return finish(Outcome::denied);
    control_.command("configure check", [this, error = reply.error()](const Answered& answer) {
        if (!answer) return lost(answer.error());
        finish(answer->ok() ? Outcome::refused : Outcome::refused_before, answer->ok() ? error : answer->error());
    });
}

void Reconfiguration::lost(const ControlError& error) {
    finish(error.failure == ControlFailure::timeout ? Outcome::no_answer : Outcome::lost);
}

void Reconfiguration::finish(Outcome outcome, std::string text) {
    const auto done = std::exchange(done_, {});
    const auto taken = candidates_[std::min(at_, candidates_.size() - 1)];
    done(outcome, std::move(text), taken);
}

}  // namespace bird
