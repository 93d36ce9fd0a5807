// What carries a tunnel's own outer packets: the way that they take now, and the redirects that they may meet on it. A
// redirect lets pass what its backup depends on, however many tunnels lie between: sent into the backup once more, such
// a packet would go round for ever, and be larger each time. Pure.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "base/ip_address.hpp"
#include "kernel/desired_repair.hpp"

namespace kernel {

struct Tunnel {
    base::IfIndex interface;
    adjacency::PublicKey peer;
    friend auto operator<=>(const Tunnel&, const Tunnel&) = default;
};
struct Redirect {
    Tunnel failed, backup;
};

class Transports {
public:
    // Redirects count by their allowed-ips, wherever routes lead: they may lead there in a moment. Other tunnels are
    // followed by the way that the kernel names.
    Transports(const RepairLinks& links, std::span<const Redirect> redirects, const Way& way);

    // The endpoint of this tunnel, and those of all that may carry it.
    const std::set<base::IpAddress>& below(const Tunnel& tunnel);
    // Is there an endpoint of some peer in one of them? Most redirects hold none.
    bool touch(std::span<const base::Prefix> prefixes) const;

private:
    const adjacency::Peer* find(const Tunnel& tunnel) const;
    std::vector<Tunnel> carriers(const base::IpAddress& endpoint) const;

    struct Edge {
        const adjacency::Peer* failed;
        Tunnel backup;
    };
    std::map<base::IfIndex, const RepairLink*> links_;
    std::set<base::IpAddress> endpoints_;
    std::vector<Edge> redirects_;
    const Way& way_;
    std::map<Tunnel, std::set<base::IpAddress>> known_;
};

}  // namespace kernel
