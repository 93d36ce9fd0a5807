// Two private network namespaces with one link between them, for `wgbfd bench`: the calling thread leaves the host's
// network for good, so nothing of it is touched; the kernel removes all of it with the process.
#pragma once

#include <array>
#include <cstddef>

#include "base/ip_address.hpp"
#include "base/unique_fd.hpp"

namespace cli {

class BenchNet {
public:
    static constexpr std::size_t ends = 2;
    static constexpr std::size_t addresses = 128;  // of each end: 128 × 128 pairs of addresses, and few neighbours

    BenchNet();  // throws std::system_error

    void enter(std::size_t end) const;  // the calling thread, and the sockets and threads that it makes
    base::IfIndex interface(std::size_t end) const { return interfaces_[end]; }
    static base::IpAddress address(std::size_t end, std::size_t number);

private:
    std::array<base::UniqueFd, ends> namespaces_;
    std::array<base::IfIndex, ends> interfaces_;
};

}  // namespace cli
