#include "bird/reconfiguration.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace bird {
namespace {

constexpr std::uint16_t queued = 5, undo_scheduled = 22, evaluated = 23, denied = 8007;

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
    control_.hold([this](const ControlError* gone) {
        if (gone != nullptr) return lost(*gone);
        control_.command_in_hold("show protocols", [this](const Answered& shown) { on_protocols(shown); });
    });
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
    configured_.reset();
    if (!kept_.record(disabled_)) {
        control_.release();
        static_cast<void>(store_.write(before_));
        return finish(Outcome::not_written, kept_.problem());
    }
    const auto send = [this](std::string command, bool last) {
        control_.command_in_hold(std::move(command), [this, last](const Answered& answer) {
            if (!answer) return lost(answer.error());  // the record stays
            if (!configured_) configured_ = *answer;
            if (last) end_configure();
        });
    };
    send("configure", disabled_.empty());
    for (const auto& protocol : disabled_)
        send(disable(protocol.name, protocol.message), &protocol == &disabled_.back());
    control_.release();
}

void Reconfiguration::end_configure() {
    // BIRD carries out another one first: whoever sees it run looks at them once more.
    if (configured_->code() != queued) kept_.forget();
    if (!configured_->ok()) return refused(*configured_);
    finish(Outcome::taken);
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
    if (!done_) return;  // it was told of the command before
    finish(error.failure == ControlFailure::timeout ? Outcome::no_answer : Outcome::lost);
}

void Reconfiguration::finish(Outcome outcome, std::string text) {
    const auto done = std::exchange(done_, {});
    const auto taken = candidates_[std::min(at_, candidates_.size() - 1)];
    done(outcome, std::move(text), taken);
}

std::string explain(Outcome outcome, const std::string& text, const std::string& control) {
    switch (outcome) {
        using enum Outcome;
        case taken:
        case lost:
        case no_answer: return {};
        case not_written: return text;
        case on_trial:
            return "BIRD has a configuration on trial ('configure timeout'): what is new waits until it is confirmed "
                   "or undone";
        case refused: return "BIRD refuses the new values, and keeps the old ones: " + text;
        case refused_before:
            return "BIRD's own configuration has a mistake, " + text +
                   ": it runs on as it was, and hears what is new once that is mended";
        case denied: return control + " is a restricted control socket: give control in [bird] one without `restrict`";
    }
    return {};
}

std::optional<std::uint32_t> content_in(const Reply& reply) {
    if (reply.code() != evaluated) return std::nullopt;
    const auto& text = reply.lines.back().text;
    std::uint32_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} ? std::optional{out} : std::nullopt;
}

}  // namespace bird
