#include "daemon/quality_sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/quality_socket.hpp"

namespace wgbfd {
namespace {

std::string explain(probe::Use use, const net::BindFailure& failure) {
    auto text = "quality: " + failure.what + ": " + std::strerror(failure.error);
    if (use == probe::Use::stamp_requests)
        text += failure.error == EADDRINUSE
                    ? "; another STAMP or TWAMP reflector holds the port: peers measure this side against it"
                    : "; peers cannot measure by STAMP against this side";
    if (use == probe::Use::echo_answers) text += "; no measuring by ICMP echo";
    if (failure.error == EACCES || failure.error == EPERM)
        text += "; needs CAP_NET_BIND_SERVICE and CAP_NET_RAW: run wgbfd as root";
    return text;
}

bool is_missing_family(const net::BindFailure& failure) {
    return failure.error == EAFNOSUPPORT || failure.error == EADDRNOTAVAIL;
}

constexpr const char* wildcard = "reflector any ";
constexpr const char* bound = "reflector on ";

}  // namespace

// Of a reflector's socket, for the worker after this one.
std::string QualitySockets::name_of(const Place& place) {
    if (!place.local.is_set()) return std::string{wildcard} + (place.family == base::Family::v4 ? "4" : "6");
    return bound + to_string(place.local) + "%" + std::to_string(place.ifindex.value);
}

QualitySockets::QualitySockets(Keeper& keeper, Post post, std::uint16_t identifier, std::uint32_t seed,
                               config::Bind bind)
    : keeper_{keeper}, post_{std::move(post)}, identifier_{identifier}, seed_{seed} {
    keeper_.drop_left(bind == config::Bind::any ? bound : wildcard);
    for (const auto family : {base::Family::v4, base::Family::v6}) {
        if (bind == config::Bind::any) wanted_.insert({probe::Use::stamp_requests, family});
        wanted_.insert({probe::Use::stamp_answers, family});
        wanted_.insert({probe::Use::echo_answers, family});
    }
}

void QualitySockets::open() {
    failed_.clear();
    for (const auto& place : wanted_)
        if (!open_.contains(place)) open(place);
    list_problems();
}

// What failed is left to open(), which comes less often.
void QualitySockets::follow(const std::set<LocalAddress>& wanted) {
    std::set<Place> places;
    for (const auto& [address, ifindex, multihop] : wanted)
        places.insert({probe::Use::stamp_requests, address.family, address, ifindex});
    const auto is_left = [&](const Place& place) { return place.local.is_set() && !places.contains(place); };
    for (const auto& place : open_) {
        if (!is_left(place)) continue;
        post_(probe::Unlisten{.use = place.use, .multihop = false, .local = place.local, .ifindex = place.ifindex});
        keeper_.drop(name_of(place));
    }
    std::erase_if(open_, is_left);
    std::erase_if(wanted_, is_left);
    std::erase_if(failed_, [&](const auto& item) { return is_left(item.first); });
    for (const auto& place : places)
        if (wanted_.insert(place).second) open(place);
    list_problems();
}

void QualitySockets::on_refused(const probe::Listen& listen, int error) {
    const Place place{listen.use, listen.family, listen.local, listen.ifindex};
    if (open_.erase(place) == 0) return;  // nobody wants it any more
    keeper_.drop(name_of(place));
    failed_[place] = explain(place.use, {error, "the probe thread's epoll_ctl"});
    list_problems();
}

// A peer that measures us must not find the reflector gone when another worker goes on; our own probes begin anew.
void QualitySockets::open(const Place& place) {
    const bool reflects = place.use == probe::Use::stamp_requests;
    auto left = reflects ? keeper_.take(name_of(place)) : base::UniqueFd{};
    auto fd = left       ? base::Result<base::UniqueFd, net::BindFailure>{std::move(left)}
              : reflects ? net::bind_reflector(place.family, place.local, place.ifindex)
              : place.use == probe::Use::stamp_answers ? net::bind_prober(place.family, seed_)
                                                       : net::open_echo(place.family, identifier_);
    if (fd && reflects) keeper_.keep(name_of(place), fd->get());
    if (fd) {
        open_.insert(place);
        post_(probe::Listen{.fd = fd->release(),
                            .use = place.use,
                            .family = place.family,
                            .local = place.local,
                            .ifindex = place.ifindex});
    } else if (place.local.is_set() || !is_missing_family(fd.error())) {
        failed_[place] = explain(place.use, fd.error());
    }
}

void QualitySockets::list_problems() {
    problems_.clear();
    for (const auto& [place, problem] : failed_)
        if (std::ranges::find(problems_, problem) == problems_.end()) problems_.push_back(problem);
}

}  // namespace wgbfd
