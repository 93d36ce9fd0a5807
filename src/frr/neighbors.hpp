// Follows the neighbours of FRR's routing daemons through their vty sockets, every 5 s while somebody wants them: one
// daemon after the other, one question each, no more than a hundredth of a daemon's time, its answer read in slices. A
// daemon that does not answer is a problem, and what it said last stands; a restart takes nothing away.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "adjacency/neighbor.hpp"
#include "frr/neighbors_codec.hpp"

namespace frr {

class Neighbors {
public:
    using Handler = std::function<void(std::vector<adjacency::Neighbor>)>;

    // `on_neighbors` is told after each round that changed something.
    Neighbors(boost::asio::io_context& context, std::string directory, Handler on_neighbors);
    Neighbors(const Neighbors&) = delete;
    Neighbors& operator=(const Neighbors&) = delete;
    ~Neighbors();

    void follow(bool wanted);                   // asks at once when it was not wanted before
    std::vector<std::string> problems() const;  // each a line, with the fix; none while nobody wants them

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Asks once and waits, 3 s at most for a daemon that hangs: for `doctor` and `init`. One that does not answer has no
// neighbours.
std::vector<adjacency::Neighbor> vty_neighbors(const std::string& directory, NeighborSource source);
std::vector<adjacency::Neighbor> vty_neighbors(const std::string& directory);  // of all

}  // namespace frr
