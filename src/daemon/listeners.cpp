#include "daemon/listeners.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

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

std::string name_of(base::Family family, bool multihop) {
    return std::string{wildcard} + (family == base::Family::v4 ? "4" : "6") + (multihop ? " multihop" : "");
}

std::string name_of(const LocalAddress& place) {
    return bound + to_string(place.address) + "%" + std::to_string(place.ifindex.value) +
           (place.multihop ? " multihop" : "");
}

}  // namespace

void Listeners::drop_left(bool wildcards) { keeper_.drop_left(wildcards ? bound : wildcard); }

// The socket of the worker before holds what came while nobody read.
base::Result<base::UniqueFd, net::BindFailure> Listeners::open(const std::string& name, base::Family family,
                                                               const LocalAddress& place) {
    auto left = keeper_.take(name);
    auto fd = left ? base::Result<base::UniqueFd, net::BindFailure>{std::move(left)}
                   : net::bind_receive(family, place.multihop, place.address, place.ifindex);
    if (fd) keeper_.keep(name, fd->get());
    return fd;
}

void Listeners::open_wildcards() {
    for (const auto family : {base::Family::v4, base::Family::v6}) {
        for (const bool multihop : {false, true}) {
            auto fd = open(name_of(family, multihop), family, {.address = {}, .ifindex = {}, .multihop = multihop});
            if (fd) {
                post_(probe::Listen{.fd = fd->release(), .multihop = multihop, .local = {}, .ifindex = {}});
            } else if (family == base::Family::v6 &&
                       (fd.error().error == EAFNOSUPPORT || fd.error().error == EADDRNOTAVAIL)) {
                problems_.push_back("IPv6 is off on this host: no IPv6 sessions");
                return;
            } else {
                throw std::runtime_error{explain(fd.error())};
            }
        }
    }
}

void Listeners::follow(const std::set<LocalAddress>& wanted) {
    problems_.clear();
    for (auto place = open_.begin(); place != open_.end();) {
        if (wanted.contains(*place)) {
            ++place;
            continue;
        }
        post_(probe::Unlisten{.multihop = place->multihop, .local = place->address, .ifindex = place->ifindex});
        keeper_.drop(name_of(*place));
        place = open_.erase(place);
    }
    std::erase_if(refused_,
                  [&](const auto& item) { return item.first.address.is_set() && !wanted.contains(item.first); });
    for (const auto& [place, problem] : refused_) problems_.push_back(problem);
    for (const auto& place : wanted) {
        if (open_.contains(place) || refused_.contains(place)) continue;
        auto fd = open(name_of(place), place.address.family, place);
        if (!fd) {
            problems_.push_back(explain(fd.error()));
            continue;
        }
        post_(probe::Listen{
            .fd = fd->release(), .multihop = place.multihop, .local = place.address, .ifindex = place.ifindex});
        open_.insert(place);
    }
}

void Listeners::on_refused(const probe::Listen& listen, int error) {
    const LocalAddress place{.address = listen.local, .ifindex = listen.ifindex, .multihop = listen.multihop};
    if (place.address.is_set() && open_.erase(place) == 0) return;  // nobody wants it any more
    if (place.address.is_set()) keeper_.drop(name_of(place));
    const auto where = place.address.is_set() ? to_string(place.address) : std::string{"all addresses"};
    refused_[place] = "the probe thread cannot listen on " + where + ": " + std::strerror(error) +
                      (place.address.is_set() ? "; tried again" : "; restart wgbfd");
    problems_.push_back(refused_[place]);
}

void Listeners::retry() {
    std::erase_if(refused_, [](const auto& item) { return item.first.address.is_set(); });
}

}  // namespace wgbfd
