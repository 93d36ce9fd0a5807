#include "bird/kept_disabled.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "bird/protocol_feed.hpp"
#include "io/socket_life.hpp"

namespace bird {
namespace {

std::vector<DisabledRecord> records_of(const io::UndoLog& undo, const std::string& control) {
    std::vector<DisabledRecord> out;
    for (const auto& record : undo.records(disabled_feed))
        if (auto known = parse_disabled(record); known && known->control == control) out.push_back(*std::move(known));
    return out;
}

}  // namespace

KeptDisabled::KeptDisabled(io::UndoLog& undo, SharedControl& control) : undo_{undo}, control_{control} {
    control_.attend({.ready = [this](const Version&) { on_ready(); },
                     .lost = [this](const ControlError& error) { on_lost(error); }});
    if (!is_clear()) control_.join({});
}

bool KeptDisabled::is_clear() const { return records_of(undo_, control_.path()).empty(); }

bool KeptDisabled::record(std::span<const Protocol> disabled) {
    try {
        undo_.record(disabled_records(undo_, control_.path(), control_.life(), disabled));
        problem_.clear();
        return true;
    } catch (const std::system_error& error) {
        problem_ = std::string{"left BIRD as it is, for what is disabled there cannot be recorded: "} + error.what();
        return false;
    }
}

void KeptDisabled::forget() {
    std::vector<std::string> subjects;
    for (const auto& known : records_of(undo_, control_.path()))
        subjects.push_back(disabled_subject(known.control, known.protocol.name));
    try {
        undo_.forget(disabled_feed, subjects);
        problem_.clear();
    } catch (const std::system_error& error) {
        problem_ = std::string{"an undo record stays: "} + error.what();
    }
}

void KeptDisabled::on_ready() {
    busy_ = false;
    make_good();
}

// What does not run has nothing disabled, and starts with what its file says.
void KeptDisabled::on_lost(const ControlError& error) {
    busy_ = false;
    if (error.failure == ControlFailure::not_running && !is_clear()) forget();
}

void KeptDisabled::make_good() {
    if (busy_ || is_clear()) return;
    enabled_.clear();
    for (auto& known : records_of(undo_, control_.path()))
        if (known.life == control_.life()) enabled_.push_back(std::move(known.protocol));
    if (enabled_.empty()) return forget();
    busy_ = true;
    control_.hold([this](const ControlError* lost) {
        if (lost == nullptr) next();
    });
}

void KeptDisabled::next() {
    if (enabled_.empty()) {
        busy_ = false;
        forget();
        return control_.release();
    }
    control_.command_in_hold(show_protocol(enabled_.back().name), [this](const auto& answer) { on_shown(answer); });
}

void KeptDisabled::on_shown(const base::Result<Reply, ControlError>& answer) {
    if (!answer) return;  // on_lost() follows
    const auto shown = find_protocol(*answer, enabled_.back().name);
    if (shown && shown->state != "down") return disable_next();
    enabled_.pop_back();
    next();
}

void KeptDisabled::disable_next() {
    const auto& protocol = enabled_.back();
    control_.command_in_hold(disable(protocol.name, protocol.message), [this](const auto& answer) {
        if (!answer) return;
        enabled_.pop_back();
        next();
    });
}

std::string disabled_subject(const std::string& control, const std::string& name) { return to_subject(control, name); }

std::vector<io::UndoRecord> disabled_records(const io::UndoLog& undo, const std::string& control,
                                             const std::string& life, std::span<const Protocol> protocols) {
    const auto feed = undo.records(protocol_feed);
    std::vector<io::UndoRecord> out;
    for (const auto& protocol : protocols) {
        const auto subject = disabled_subject(control, protocol.name);
        const auto is_the_feeds = [&](const io::UndoRecord& record) {
            return record.subject == subject && record.ours == protocol.message;
        };
        if (std::ranges::none_of(feed, is_the_feeds))
            out.push_back({disabled_feed, subject, "disabled", life + ' ' + protocol.message});
    }
    return out;
}

std::optional<DisabledRecord> parse_disabled(const io::UndoRecord& record) {
    const auto subject = parse_protocol_subject(record.subject);
    const auto space = record.ours.find(' ');
    if (record.feed != disabled_feed || !subject || space == std::string::npos) return std::nullopt;
    return DisabledRecord{
        subject->path,
        record.ours.substr(0, space),
        {.name = subject->name, .kind = {}, .state = "down", .message = record.ours.substr(space + 1)}};
}

base::Result<bool, std::string> revert_disabled(const io::UndoRecord& record) {
    const auto known = parse_disabled(record);
    if (!known) return tl::unexpected{std::string{"is no record of a protocol that was disabled"}};
    const auto reply = ask(known->control, show_protocol(known->protocol.name));
    if (!reply && reply.error().failure == ControlFailure::not_running) return false;
    if (!reply) return tl::unexpected{reply.error().text};
    if (io::socket_life(known->control) != known->life) return false;
    const auto shown = find_protocol(*reply, known->protocol.name);
    if (!shown || shown->state == "down") return false;
    const auto done = ask(known->control, disable(known->protocol.name, known->protocol.message));
    if (!done) return tl::unexpected{done.error().text};
    if (!done->ok()) return tl::unexpected{done->error()};
    return true;
}

}  // namespace bird
