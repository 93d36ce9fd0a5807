// The way back of the feed `bird-include`, for a process that comes after it.
#include <algorithm>
#include <system_error>
#include <utility>

#include "bird/include_feed.hpp"
#include "bird/kept_disabled.hpp"
#include "io/socket_life.hpp"

namespace bird {
namespace {

constexpr std::uint16_t undo_scheduled = 22;

using Failed = tl::unexpected<std::string>;

base::Result<bool, std::string> succeed(const std::string& control, const char* command) {
    const auto reply = ask(control, command);
    if (!reply) return Failed{reply.error().text};
    if (reply->ok()) return true;
    return Failed{"BIRD's own configuration has a mistake, " + reply->error() +
                  ": mend it and run 'birdc configure'; the constants are at rest"};
}

// With their messages.
std::vector<Protocol> find_disabled(const std::string& control) {
    const auto shown = ask(control, "show protocols");
    if (!shown) return {};
    auto out = disabled_protocols(*shown);
    for (auto& protocol : out)
        if (const auto all = ask(control, show_protocol(protocol.name)))
            if (const auto found = find_protocol(*all, protocol.name)) protocol.message = found->message;
    return out;
}

// A record that stays is for whoever undoes next.
std::string disable_again(const std::string& control, io::UndoLog& undo) {
    for (const auto& record : undo.records(disabled_feed)) {
        const auto known = parse_disabled(record);
        if (!known || known->control != control) continue;
        if (const auto done = revert_disabled(record); !done) return done.error();
        undo.forget(record.feed, record.subject);
    }
    return {};
}

// Also a BIRD that did not answer in time may have enabled what was disabled.
base::Result<bool, std::string> configure(const std::string& control, io::UndoLog& undo) {
    try {
        const auto life = io::socket_life(control);
        undo.record(disabled_records(undo, control, life, find_disabled(control)));
        auto done = succeed(control, "configure");
        if (const auto problem = disable_again(control, undo); done && !problem.empty()) return Failed{problem};
        return done;
    } catch (const std::system_error& error) {
        return Failed{std::string{"the undo record cannot be written: "} + error.what()};
    }
}

// Has a BIRD that runs read the file again, unless it runs that already or does not read the file at all.
base::Result<bool, std::string> have_read(const std::string& control, const Defines& defines, io::UndoLog& undo) {
    const auto active = ask(control, std::string{"eval "} + content_name);
    if (!active && active.error().failure == ControlFailure::not_running) return false;
    if (!active) return Failed{active.error().text};
    if (!active->ok() || active->lines.back().text == std::to_string(content_of(defines))) return false;
    const auto status = ask(control, "configure status");
    if (status && std::ranges::find(status->lines, undo_scheduled, &Line::code) != status->lines.end())
        return Failed{"BIRD has a configuration on trial ('configure timeout'): confirm or undo it, then undo again"};
    if (const auto checked = succeed(control, "configure check"); !checked) return checked;
    return configure(control, undo);
}

}  // namespace

// The configuration allows no space in the file's name.
std::string include_subject(const std::string& control, const std::string& file) { return control + " " + file; }

std::optional<IncludeSubject> parse_include_subject(const std::string& subject) {
    const auto space = subject.rfind(' ');
    if (space == std::string::npos || space == 0 || space + 1 == subject.size()) return std::nullopt;
    return IncludeSubject{subject.substr(0, space), subject.substr(space + 1)};
}

base::Result<bool, std::string> revert_include(const io::UndoRecord& record, io::UndoLog& undo) {
    const auto subject = parse_include_subject(record.subject);
    if (!subject || record.feed != include_feed) return Failed{"is no record of an include"};
    IncludeStore store{subject->file};
    const auto stands = store.read();
    if (!stands && !store.problem().empty()) return Failed{store.problem()};
    if (!stands) return false;
    const auto rest = put_at_rest(*stands);
    if (!store.write(rest, true)) return Failed{store.problem()};
    const auto read = have_read(subject->control, rest, undo);
    if (!read) return read;
    return *read || rest != *stands;
}

}  // namespace bird
