#include "daemon/listeners.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "net/receive_socket.hpp"

namespace wgbfd {
namespace {

std::string explain(const net::BindFailure& failure) {
    std::string text = failure.what + ": " + std::strerror(failure.error);
    if (failure.error == EADDRINUSE)
        text +=
            "; another BFD daemon holds the port ('wgbfd doctor' names it): stop it, or start bfdd with "
            "--dplaneaddr, or remove BIRD's protocol bfd";
    if (failure.error == EACCES || failure.error == EPERM) text += "; run wgbfd as root";
    return text;
}

constexpr const char* wildcard = "listen any ";
constexpr const char* bound = "listen on ";

std::string name_of(const Ear& ear) { return (ear.address.is_unspecified() ? wildcard : bound) + to_string(ear); }

bool is_off(const net::BindFailure& failure) {  // IPv6, on this host
    return failure.error == EAFNOSUPPORT || failure.error == EADDRNOTAVAIL;
}

base::UniqueFd duplicate(const base::UniqueFd& fd) { return base::UniqueFd{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)}; }

}  // namespace

void Listeners::drop_left(bool wildcards) { keeper_.drop_left(wildcards ? bound : wildcard); }

void Listeners::open_wildcards() {
    for (const auto family : {base::Family::v4, base::Family::v6}) {
        for (const bool multihop : {false, true}) {
            const Ear ear{.address = {.family = family}, .ifindex = {}, .vrf = {}, .multihop = multihop};
            auto fd = bind(ear);
            if (fd) {
                wildcards_.emplace(ear, duplicate(*fd));
                post_(probe::Listen{.fd = fd->release(), .multihop = multihop, .local = {}, .ifindex = {}});
            } else if (family == base::Family::v6 && is_off(fd.error())) {
                lasting_.emplace_back("IPv6 is off on this host: no IPv6 sessions");
                problems_ = lasting_;
                return;
            } else {
                throw std::runtime_error{explain(fd.error())};
            }
        }
    }
}

void Listeners::take_left() {
    for (const std::string prefix : {wildcard, bound})
        for (const auto& name : keeper_.left(prefix))
            if (const auto ear = ear_of(std::string_view{name}.substr(prefix.size()))) open(*ear);
}

// Sockets of ours that have the port, and its address or any. Those of two VRFs do not meet.
std::vector<int> Listeners::sharers_of(const Ear& ear) const {
    std::vector<int> out;
    for (const auto* all : {&wildcards_, &open_})
        for (const auto& [other, fd] : *all) {
            const bool meets = other.address.family == ear.address.family &&
                               (other.address == ear.address || other.address.is_unspecified());
            const bool is_one_outside = (other.vrf.value == 0) != (ear.vrf.value == 0);
            if (meets && is_one_outside && other.multihop == ear.multihop) out.push_back(fd.get());
        }
    return out;
}

void Listeners::follow(const std::set<Ear>& wanted) {
    problems_ = lasting_;
    complete_ = true;
    for (auto place = open_.begin(); place != open_.end();) {
        const auto& ear = place->first;
        if (wanted.contains(ear)) {
            ++place;
            continue;
        }
        post_(probe::Unlisten{.multihop = ear.multihop, .local = ear.address, .ifindex = ear.ifindex, .vrf = ear.vrf});
        keeper_.drop(name_of(ear));
        place = open_.erase(place);
    }
    std::erase_if(refused_, [&](const auto& item) { return !wanted.contains(item.first); });
    for (const auto& [ear, problem] : refused_) problems_.push_back(problem);
    for (const auto& ear : wanted)
        if (!open_.contains(ear) && !refused_.contains(ear)) open(ear);
}

// The socket of the worker before holds what came while nobody read.
base::Result<base::UniqueFd, net::BindFailure> Listeners::bind(const Ear& ear) {
    const auto name = name_of(ear);
    auto left = keeper_.take(name);
    auto fd = left ? base::Result<base::UniqueFd, net::BindFailure>{std::move(left)}
                   : net::bind_receive(ear.address.family, ear.multihop, ear.address, ear.ifindex, net::Filter::on,
                                       {.vrf = ear.vrf, .sharers = sharers_of(ear)});
    if (fd) keeper_.keep(name, fd->get());
    return fd;
}

void Listeners::open(const Ear& ear) {
    auto fd = bind(ear);
    if (!fd) {
        if (is_off(fd.error()) && ear.address.is_unspecified()) return;
        problems_.push_back(explain(fd.error()));
        complete_ = false;
        return;
    }
    open_.emplace(ear, duplicate(*fd));
    post_(probe::Listen{
        .fd = fd->release(), .multihop = ear.multihop, .local = ear.address, .ifindex = ear.ifindex, .vrf = ear.vrf});
}

void Listeners::on_refused(const probe::Listen& listen, int error) {
    const Ear ear{.address = listen.local, .ifindex = listen.ifindex, .vrf = listen.vrf, .multihop = listen.multihop};
    const auto told = [&](const std::string& where, const std::string& what_next) {
        return "the probe thread cannot listen on " + where + ": " + std::strerror(error) + "; " + what_next;
    };
    if (!ear.address.is_set()) {
        lasting_.push_back(told("all addresses", "restart wgbfd"));
        problems_.push_back(lasting_.back());
    } else if (open_.erase(ear) > 0) {  // else nobody wants it any more
        keeper_.drop(name_of(ear));
        refused_[ear] = told(to_string(ear.address) + (ear.vrf.value != 0 ? " in a VRF" : ""), "tried again");
        problems_.push_back(refused_[ear]);
    }
}

void Listeners::retry() {
    if (refused_.empty()) return;
    refused_.clear();
    complete_ = false;
}

}  // namespace wgbfd
