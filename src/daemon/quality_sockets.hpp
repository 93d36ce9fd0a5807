// Opens the sockets that measure paths and hands them to the probe thread. Measuring is worth less than liveness: what
// cannot be opened is a problem told in status, is tried again, and keeps nobody from probing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "config/config.hpp"
#include "daemon/ears.hpp"
#include "daemon/keeper.hpp"
#include "net/receive_socket.hpp"
#include "probe/command.hpp"

namespace wgbfd {

class QualitySockets {
public:
    using Post = std::function<void(const probe::Command&)>;

    // `identifier`: of the ICMP echo requests. `seed` spreads source ports. With bind = "addresses" peers' requests are
    // heard where follow() says.
    QualitySockets(Keeper& keeper, Post post, std::uint16_t identifier, std::uint32_t seed, config::Bind bind);

    void open();                                              // those that are not open yet
    void follow(const std::set<Ear>& wanted);                 // where to reflect, and the VRFs to measure in
    void on_refused(const probe::Listen& listen, int error);  // by the probe thread
    const std::vector<std::string>& problems() const { return problems_; }

private:
    struct Place {
        probe::Use use = probe::Use::stamp_requests;
        base::Family family = base::Family::none;
        base::IpAddress local{};  // unset: all addresses, outside VRFs, from start to end
        base::IfIndex ifindex{};
        base::IfIndex vrf{};
        friend auto operator<=>(const Place&, const Place&) = default;
    };
    static std::string name_of(const Place& place);
    void open(const Place& place);
    template <class Which>
    void close(Which which);
    void drop(const Place& place);
    base::Result<base::UniqueFd, net::BindFailure> bind(const Place& place);
    base::Result<base::UniqueFd, net::BindFailure> reflector(const Place& place);
    std::vector<int> sharers_of(const Place& place) const;
    void list_problems();

    Keeper& keeper_;
    Post post_;
    std::uint16_t identifier_;
    std::uint32_t seed_;
    std::set<Place> wanted_;
    std::map<Place, base::UniqueFd> open_;  // duplicates: those of VRFs share their ports
    std::map<Place, std::string> failed_;
    std::vector<std::string> problems_;  // each once
};

}  // namespace wgbfd
