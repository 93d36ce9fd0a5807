#include "frr/dataplane_sessions.hpp"

namespace frr {

void DataplaneSessions::recall(const DataplaneMemory& memory) {
    auto& session = sessions_[memory.lid];
    session.connection = memory.connection;
    session.shutdown = memory.shutdown;
    session.was_up = memory.was_up;
    session.told = memory.told;
    if (memory.connection != 0) ++attached_[memory.connection];
}

void DataplaneSessions::changed(std::uint32_t lid, const Session& session) const {
    if (!on_change) return;
    const DataplaneMemory memory{lid, session.connection, session.shutdown, session.was_up, session.told};
    on_change(lid, &memory);
}

bool DataplaneSessions::add(ConnectionId connection, const AddSession& asked) {
    auto& session = sessions_[asked.lid];
    if (session.connection != connection) {  // new, or bfdd moved it here: it believes Down now
        if (session.connection != 0) --attached_[session.connection];
        ++attached_[connection];
        session.connection = connection;
        session.told.reset();
    } else if (session.shutdown && !asked.shutdown) {  // `no shutdown`: bfdd has set it to Down
        if (session.latest && session.latest->state == bfd::State::admin_down) session.latest.reset();
        session.told.emplace().lid = asked.lid;
    } else if (session.told && session.told->state == bfd::State::admin_down) {
        // bfdd takes AdminDown for `shutdown`; applying a profile makes it Down, and then nobody knows of the
        // AdminDown.
        session.told.reset();
    }
    session.shutdown = asked.shutdown;
    session.waiting = 0;
    changed(asked.lid, session);
    return news(asked.lid, session).has_value();
}

bool DataplaneSessions::remove(ConnectionId connection, std::uint32_t lid) {
    const auto found = sessions_.find(lid);
    if (found == sessions_.end()) return false;
    const auto owner = found->second.connection;
    if (owner != 0 && owner != connection) return false;
    if (owner != 0) --attached_[owner];
    sessions_.erase(found);
    if (on_change) on_change(lid, nullptr);
    return true;
}

bool DataplaneSessions::tell(std::uint32_t lid, const bfd::Status& status) {
    const auto found = sessions_.find(lid);
    if (found == sessions_.end()) return false;
    found->second.latest = status;
    return found->second.connection != 0 && news(lid, found->second);
}

void DataplaneSessions::detach(ConnectionId connection) {
    attached_.erase(connection);
    for (auto& [lid, session] : sessions_) {
        if (session.connection != connection) continue;
        session.connection = 0;
        session.told.reset();
        changed(lid, session);
    }
}

std::optional<StateMessage> DataplaneSessions::news(std::uint32_t lid, const Session& session) const {
    const bool shutdown = session.shutdown || stopping_;
    if (!session.latest && !shutdown) return std::nullopt;
    const auto next = what_to_tell(lid, session.latest.value_or(bfd::Status{}), shutdown);
    if (!is_news(session.told, next, session.was_up)) return std::nullopt;
    return next;
}

std::optional<StateMessage> DataplaneSessions::compose(ConnectionId connection, std::uint32_t lid) const {
    const auto found = sessions_.find(lid);
    if (found == sessions_.end() || found->second.connection != connection) return std::nullopt;
    return news(lid, found->second);
}

void DataplaneSessions::sent(const StateMessage& message) {
    auto& session = sessions_.at(message.lid);
    session.told = message;
    session.was_up = session.was_up || message.state == bfd::State::up;
    changed(message.lid, session);
}

std::vector<std::uint32_t> DataplaneSessions::age(unsigned patience) {
    std::vector<std::uint32_t> forgotten;
    for (auto at = sessions_.begin(); at != sessions_.end();) {
        if (at->second.connection == 0 && ++at->second.waiting > patience) {
            forgotten.push_back(at->first);
            if (on_change) on_change(at->first, nullptr);
            at = sessions_.erase(at);
        } else {
            ++at;
        }
    }
    return forgotten;
}

ConnectionId DataplaneSessions::connection_of(std::uint32_t lid) const {
    const auto found = sessions_.find(lid);
    return found == sessions_.end() ? 0 : found->second.connection;
}

std::vector<std::uint32_t> DataplaneSessions::attached() const {
    std::vector<std::uint32_t> out;
    for (const auto& [lid, session] : sessions_)
        if (session.connection != 0) out.push_back(lid);
    return out;
}

std::size_t DataplaneSessions::attached_to(ConnectionId connection) const {
    const auto found = attached_.find(connection);
    return found == attached_.end() ? 0 : found->second;
}

std::size_t DataplaneSessions::attached_count() const {
    std::size_t sum = 0;
    for (const auto& [connection, count] : attached_) sum += count;
    return sum;
}

}  // namespace frr
