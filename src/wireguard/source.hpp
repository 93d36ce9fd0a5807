// Where a WireGuard device is asked about itself: the kernel by generic netlink, or a userspace process by its UAPI
// socket. Both are asked for everything each time. Received secret keys are wiped before the next bytes are read.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "adjacency/peer.hpp"
#include "base/result.hpp"

namespace wireguard {

using Answer = base::Result<adjacency::Device, std::string>;  // the error: what failed and what to do
using OnAnswer = std::function<void(Answer)>;                 // must not destroy its source

class Source {
public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;
    virtual void look() = 0;     // one answer follows, possibly at once; not to be called before it has come
    virtual void abandon() = 0;  // no answer any more: the time limit has passed
};

std::unique_ptr<Source> genetlink_source(boost::asio::io_context& context, base::IfIndex index, OnAnswer on_answer);
std::unique_ptr<Source> uapi_source(boost::asio::io_context& context, std::string path, OnAnswer on_answer);

}  // namespace wireguard
