// The links of this host as a stream of rtnetlink messages leaves them, dumps and events alike. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "adjacency/link.hpp"
#include "io/netlink_message.hpp"

namespace kernel {

class LinkTable {
public:
    enum class Effect : std::uint8_t {
        none,
        changed,
        flipped,  // an interface came, went, or changed its IFF_UP: not to be folded into what follows
    };
    Effect apply(const io::NetlinkMessage& message);

    // A dump tells what there is, never what is gone: whatever it did not mention between begin and end goes.
    void begin_links();
    Effect end_links();
    void begin_addresses();
    Effect end_addresses();

    std::vector<adjacency::Link> links() const;  // in the order of their indexes

private:
    struct Address {
        adjacency::LinkAddress value;
        bool stale = false;
    };
    struct Entry {
        adjacency::Link link;  // its own addresses stay empty
        bool stale = false;
    };
    Effect set_link(base::Bytes payload);
    Effect remove_link(base::Bytes payload);
    Effect set_address(base::Bytes payload, bool present);

    std::map<std::uint32_t, Entry> links_;
    std::map<std::uint32_t, std::vector<Address>> addresses_;  // may come before their link does
};

}  // namespace kernel
