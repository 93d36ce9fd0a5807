// We as bfdd's distributed data plane: FRR's bfdd asks for sessions and believes the states we tell, so that stock
// `neighbor X bfd` works on our sessions. Connects to a bfdd started with `--dplaneaddr`, and again when it is lost;
// needs never be restarted. Further connections are opened as long as a new one brings sessions (bfdd of FRR 8.4–10.7
// hands out 58 a connection), and one more is kept: when bfdd drops a connection its sessions move to another one and
// BGP stays up. What asks for a session means for the session is control's question.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/unique_fd.hpp"
#include "bfd/session.hpp"
#include "frr/dataplane_codec.hpp"
#include "frr/dataplane_sessions.hpp"

namespace frr {

struct StateChange {
    std::uint32_t lid = 0;
    bfd::Status status;
};

struct BfdDataplaneCallbacks {
    std::function<void(const AddSession&)> on_add = nullptr;  // also for updates: idempotent
    std::function<void(std::uint32_t lid)> on_delete = nullptr;
    std::function<std::optional<Counters>(std::uint32_t lid)> counters = nullptr;  // answered at once
    std::function<void()> on_gone = nullptr;                                       // the last connection closed
    std::function<void(std::string)> on_problem = nullptr;  // one line, with the fix; "" when healthy again
    std::function<void(std::string)> on_note = nullptr;     // one line, for the log
    // What a successor of this process needs to go on: each as it changes, before anything rests on it.
    std::function<void(ConnectionId, int fd)> on_open = nullptr;  // fd -1: closed
    std::function<void(ConnectionId, base::Bytes rest)> on_rest = nullptr;
    std::function<void(std::uint32_t lid, const DataplaneMemory*)> on_change = nullptr;
};

// A conversation that another process led.
struct DataplaneInheritance {
    struct Connection {
        ConnectionId id = 0;
        base::UniqueFd fd;
        std::vector<std::byte> rest{};
    };
    std::vector<Connection> connections;  // none: bfdd is connected to anew
    std::vector<DataplaneMemory> sessions;
    std::uint64_t stamp = 0;  // greater than any echo's of that process
};

class BfdDataplane {
public:
    // `address`: see parse_dataplane_address. A callback may call tell(); none may destroy this object.
    BfdDataplane(boost::asio::io_context& context, std::string address, BfdDataplaneCallbacks callbacks,
                 DataplaneInheritance inheritance = {});
    BfdDataplane(const BfdDataplane&) = delete;
    BfdDataplane& operator=(const BfdDataplane&) = delete;
    ~BfdDataplane();  // closes without a word: see stop()

    // The latest of each lid is kept, and told again when bfdd asks for the lid anew. Lids bfdd never asked for, or
    // deleted, are ignored.
    void tell(std::span<const StateChange> changes);
    // State 0 for every lid, then closes once bfdd has read it (1 s at most): BGP stays up.
    void stop(std::function<void()> done);

    bool connected() const;
    std::size_t connections() const;
    std::size_t sessions() const;  // attached now

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace frr
