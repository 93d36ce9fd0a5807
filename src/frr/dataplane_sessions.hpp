// The sessions bfdd asked for, which connection each hangs on, and what each was told. No socket, no clock.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "bfd/session.hpp"
#include "frr/told.hpp"

namespace frr {

using ConnectionId = std::uint64_t;  // 0: none

// What a successor of ours must know of a session, so that bfdd is told what is news to it, and no more.
struct DataplaneMemory {
    std::uint32_t lid = 0;
    ConnectionId connection = 0;
    bool shutdown = false;
    bool was_up = false;
    std::optional<StateMessage> told{};
};

class DataplaneSessions {
public:
    // Is told of each session that changed in this, before bfdd's message is done with; null: it is no more.
    std::function<void(std::uint32_t lid, const DataplaneMemory* memory)> on_change;
    void recall(const DataplaneMemory& memory);

    // True when there may be something to tell.
    bool add(ConnectionId connection, const AddSession& asked);
    bool remove(ConnectionId connection, std::uint32_t lid);  // false: not that connection's to delete
    bool tell(std::uint32_t lid, const bfd::Status& status);
    void detach(ConnectionId connection);  // what it had waits for another connection
    void stop() { stopping_ = true; }      // from now on everything is AdminDown

    std::optional<StateMessage> compose(ConnectionId connection, std::uint32_t lid) const;
    void sent(const StateMessage& message);

    // Lids that nobody attached again for `patience` calls of this: forgotten.
    std::vector<std::uint32_t> age(unsigned patience);

    ConnectionId connection_of(std::uint32_t lid) const;
    std::vector<std::uint32_t> attached() const;
    std::size_t attached_to(ConnectionId connection) const;
    std::size_t attached_count() const;

private:
    struct Session {
        ConnectionId connection = 0;
        bool shutdown = false;
        bool was_up = false;
        unsigned waiting = 0;  // calls of age() while detached
        std::optional<bfd::Status> latest;
        std::optional<StateMessage> told;  // on this connection
    };
    void changed(std::uint32_t lid, const Session& session) const;
    std::optional<StateMessage> news(std::uint32_t lid, const Session& session) const;

    std::unordered_map<std::uint32_t, Session> sessions_;
    std::unordered_map<ConnectionId, std::size_t> attached_;
    bool stopping_ = false;
};

}  // namespace frr
