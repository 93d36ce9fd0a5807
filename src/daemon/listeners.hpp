// The BFD receive sockets: one wildcard socket a family and port, or (bind = "addresses") one an address in use. They
// are opened here, or left by the worker before, and belong to the probe thread from then on.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.hpp"
#include "base/unique_fd.hpp"
#include "daemon/keeper.hpp"
#include "net/receive_socket.hpp"
#include "probe/command.hpp"

namespace wgbfd {

// An address sessions send from; `ifindex` matters for link-local ones.
struct LocalAddress {
    base::IpAddress address;
    base::IfIndex ifindex;
    bool multihop = false;
    friend auto operator<=>(const LocalAddress&, const LocalAddress&) = default;
};

class Listeners {
public:
    using Post = std::function<void(const probe::Command&)>;

    Listeners(Keeper& keeper, Post post) : keeper_{keeper}, post_{std::move(post)} {}

    // Closes what the worker before has left, but for what this kind of binding can use.
    void drop_left(bool wildcards);

    // Binds the wildcard sockets. Throws std::runtime_error that says what to do.
    void open_wildcards();
    // Follows the addresses sessions use: opens what is new, closes what is unused. What cannot be bound is told in
    // problems() and tried again at the next call.
    void follow(const std::set<LocalAddress>& wanted);
    // By the probe thread: told in problems(), and left alone until retry().
    void on_refused(const probe::Listen& listen, int error);
    void retry();
    const std::vector<std::string>& problems() const { return problems_; }

private:
    base::Result<base::UniqueFd, net::BindFailure> open(const std::string& name, base::Family family,
                                                        const LocalAddress& place);

    Keeper& keeper_;
    Post post_;
    std::set<LocalAddress> open_;
    std::map<LocalAddress, std::string> refused_;
    std::vector<std::string> problems_;
};

}  // namespace wgbfd
