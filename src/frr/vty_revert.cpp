#include "frr/vty_revert.hpp"

#include <utility>

namespace frr {

std::optional<VtyReply> VtyReverter::Daemon::ask(const std::string& command) {
    if (failure) return std::nullopt;
    auto reply = talk.ask(command);
    if (reply) return std::move(*reply);
    failure = std::move(reply.error());
    return std::nullopt;
}

std::string VtyReverter::Daemon::enter(const Place& place, const Value& value, const std::string& block) {
    auto steps = commands_for(place, value, block);
    steps.insert(steps.begin(), "configure terminal");
    for (const auto& step : steps) {
        const auto reply = ask(step);
        if (!reply) return failure->text;
        if (reply->ok()) continue;
        static_cast<void>(ask("end"));
        return to_string(place) + " cannot be put back: " + reply->text;
    }
    static_cast<void>(ask("end"));
    return {};
}

VtyReverter::Daemon& VtyReverter::daemon_for(const HeldRecord& record) {
    const auto source = source_of(record.place.setting);
    auto& daemon = daemons_[record.directory + '/' + std::string{daemon_of(source)}];
    if (daemon) return *daemon;
    daemon = std::make_unique<Daemon>(record.directory, source);
    auto reply = daemon->ask("show running-config");
    if (!reply) return *daemon;
    if (reply->ok())
        daemon->running = read_running_config(std::move(reply->text));
    else  // what cannot be read is not known to be gone
        daemon->failure = VtyError{VtyFailure::closed, "show running-config is refused: " + reply->text};
    return *daemon;
}

base::Result<bool, std::string> VtyReverter::revert(const io::UndoRecord& record) {
    const auto known = parse_record(record);
    if (!known) return tl::unexpected{std::string{"is no record of FRR's configuration"}};
    auto& daemon = daemon_for(*known);
    if (daemon.failure && daemon.failure->failure == VtyFailure::not_running) return false;
    if (daemon.failure) return tl::unexpected{daemon.failure->text};
    const auto block = block_of(daemon.running, known->place);
    if (!block || !is_ours(known->held, value_at(daemon.running, known->place))) return false;
    if (const auto problem = daemon.enter(known->place, known->held.before, *block); !problem.empty())
        return tl::unexpected{problem};
    return true;
}

}  // namespace frr
