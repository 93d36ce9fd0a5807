// The BFD receive sockets: one wildcard socket a family and port, or (bind = "addresses") one an address in use; those
// of VRFs beside them. They are opened here, or left by the worker before, and belong to the probe thread from then on.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.hpp"
#include "base/unique_fd.hpp"
#include "daemon/ears.hpp"
#include "daemon/keeper.hpp"
#include "net/receive_socket.hpp"
#include "probe/command.hpp"

namespace wgbfd {

class Listeners {
public:
    using Post = std::function<void(const probe::Command&)>;

    Listeners(Keeper& keeper, Post post) : keeper_{keeper}, post_{std::move(post)} {}

    // Closes what the worker before has left, but for what this kind of binding can use.
    void drop_left(bool wildcards);

    // Binds the wildcard sockets. Throws std::runtime_error that says what to do.
    void open_wildcards();
    // Takes the others which the worker before has left: the links that tell which are wanted are not known yet.
    void take_left();
    // Follows what sessions need beside them: opens what is new, closes what is unused. What cannot be bound is told in
    // problems() and tried again at the next call.
    void follow(const std::set<Ear>& wanted);
    // By the probe thread: told in problems(), and left alone until retry().
    void on_refused(const probe::Listen& listen, int error);
    void retry();
    const std::vector<std::string>& problems() const { return problems_; }
    bool is_complete() const { return complete_; }  // follow() has nothing to try again

private:
    void open(const Ear& ear);
    base::Result<base::UniqueFd, net::BindFailure> bind(const Ear& ear);
    std::vector<int> sharers_of(const Ear& ear) const;

    Keeper& keeper_;
    Post post_;
    std::map<Ear, base::UniqueFd> open_;       // duplicates: what a VRF's ear has to share its port with
    std::map<Ear, base::UniqueFd> wildcards_;  // likewise
    std::map<Ear, std::string> refused_;
    std::vector<std::string> lasting_;  // problems which no trying again mends
    std::vector<std::string> problems_;
    bool complete_ = true;
};

}  // namespace wgbfd
