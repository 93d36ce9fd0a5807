// The receive sockets of the probe thread and the wait for them: which are ready, how long to sleep. They come and go
// at run time (Listen, Unlisten) by places that are used again.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "base/unique_fd.hpp"
#include "probe/command.hpp"

namespace net {

struct Listener {
    base::UniqueFd fd;
    probe::Use use = probe::Use::bfd;
    base::Family family = base::Family::none;  // of those that are not BFD's
    bool multihop = false;
    base::IpAddress local;
    base::IfIndex ifindex;
    base::IfIndex vrf;
    bool ready = false;        // said so since it was last drained
    base::TimePoint empty_at;  // what came until then has been read
    std::uint32_t drops = 0;   // as the kernel last counted
};

class Listeners {
public:
    // `wake_fd` ends a wait; edge-triggered, so it needs no reading. Throws std::system_error.
    explicit Listeners(int wake_fd);

    int add(const probe::Listen& listen, base::TimePoint now);  // takes the fd, also when it fails: 0 or errno
    void remove(const probe::Unlisten& unlisten);

    // Sleeps until a socket is ready, the wake fd was written, or `until`. Then mark() what is known at `now`.
    void wait(base::TimePoint now, base::TimePoint until);
    void mark(base::TimePoint now);

    std::vector<Listener>& all() { return listeners_; }  // some places are empty: no fd

private:
    static constexpr std::size_t capacity = 4096;
    base::UniqueFd epoll_;
    std::vector<Listener> listeners_;
    std::array<epoll_event, 64> ready_{};
    std::size_t ready_count_ = 0;
    bool interrupted_ = false;  // the last wait ended without looking
};

}  // namespace net
