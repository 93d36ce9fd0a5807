// Follows the neighbours of BIRD's BGP and OSPF over its control socket, every 5 s while somebody wants them: the table
// of protocols first, then, one by one, those of which it tells something new. A BIRD that does not answer is a
// problem, and what it said last stands; a restart takes nothing away.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "adjacency/neighbor.hpp"
#include "base/time.hpp"
#include "bird/protocols.hpp"
#include "bird/shared_control.hpp"
#include "io/timer.hpp"

namespace bird {

class Neighbors {
public:
    using Handler = std::function<void(std::vector<adjacency::Neighbor>)>;

    // `on_neighbors` is told after each round that changed something.
    Neighbors(boost::asio::io_context& context, SharedControl& control, Handler on_neighbors);

    void follow(bool wanted);                   // asks at once when it was not wanted before
    std::vector<std::string> problems() const;  // each a line, with the fix; none while nobody wants them

private:
    struct Known {
        std::string row;  // what the table said when it was asked for
        std::vector<adjacency::Neighbor> neighbors;
    };
    using Answered = base::Result<Reply, ControlError>;

    void round();
    void on_table(const Answered& answer);
    void read();
    void next();
    void on_details(const Answered& answer);
    void end_round();

    SharedControl& control_;
    Handler on_neighbors_;
    bool joined_ = false, wanted_ = false, busy_ = false;
    std::string problem_;
    base::TimePoint begun_{};
    std::optional<ProtocolReader> reader_;
    std::vector<Protocol> to_ask_;                // the last one is next
    std::map<std::string, Known> known_, fresh_;  // by protocol: of the last round, and of this one
    std::vector<adjacency::Neighbor> told_;
    io::Timer timer_, turn_;
};

// Asks once and waits, 3 s at most for a BIRD that hangs: for `doctor` and `init`. One that does not answer has none.
std::vector<adjacency::Neighbor> control_neighbors(const std::string& path);

}  // namespace bird
