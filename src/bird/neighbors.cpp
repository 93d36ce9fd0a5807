#include "bird/neighbors.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "adjacency/adjacency.hpp"
#include "bird/neighbors_codec.hpp"

namespace bird {
namespace {

using namespace std::chrono_literals;
using adjacency::Neighbor;

constexpr base::Duration every = 5s;
constexpr int share = 100;         // a round waits so many times as long as the last one took
constexpr std::size_t slice = 64;  // lines of the table read at a time
constexpr const char* table = "show protocols";

bool has_neighbors(const Protocol& protocol) {
    return (is_bgp(protocol) || is_ospf(protocol)) && adjacency::is_bird_name(protocol.name);
}

std::string question_of(const Protocol& protocol) {
    return is_bgp(protocol) ? show_protocol(protocol.name) : show_ospf_neighbors(protocol.name);
}

std::vector<Neighbor> neighbors_in(const Protocol& protocol, const Reply& reply) {
    if (!is_bgp(protocol)) return parse_ospf_neighbors(reply);
    const auto found = parse_bgp_neighbor(reply);
    return found ? std::vector{*found} : std::vector<Neighbor>{};
}

}  // namespace

Neighbors::Neighbors(boost::asio::io_context& context, SharedControl& control, Handler on_neighbors)
    : control_{control},
      on_neighbors_{std::move(on_neighbors)},
      timer_{context, [this] { round(); }},
      turn_{context, [this] { read(); }} {}

void Neighbors::follow(bool wanted) {
    if (std::exchange(wanted_, wanted) == wanted) return;
    if (!wanted) return timer_.cancel();
    if (std::exchange(joined_, true)) return timer_.expire_after({});
    control_.join({.ready =
                       [this](const Version&) {
                           problem_.clear();
                           round();
                       },
                   .lost =
                       [this](const ControlError& error) {
                           problem_ = error.text;
                           reader_.reset();
                           turn_.cancel();
                           timer_.cancel();
                           busy_ = false;
                       }});
}

void Neighbors::round() {
    if (!wanted_ || !control_.is_ready() || std::exchange(busy_, true)) return;
    begun_ = std::chrono::steady_clock::now();
    control_.command(table, [this](const Answered& answer) { on_table(answer); });
}

void Neighbors::on_table(const Answered& answer) {
    if (!answer) return;  // `lost` follows
    reader_.emplace(*answer);
    read();
}

void Neighbors::read() {
    if (reader_->read(slice)) return turn_.expire_after({});
    to_ask_.clear();
    fresh_.clear();
    for (auto& protocol : reader_->take()) {
        if (!has_neighbors(protocol)) continue;
        const auto known = known_.find(protocol.name);
        // A BGP neighbour is what it was while its line is; OSPF's come and go without a word there.
        if (is_bgp(protocol) && known != known_.end() && known->second.row == protocol.row)
            fresh_[protocol.name] = known->second;
        else
            to_ask_.push_back(std::move(protocol));
    }
    reader_.reset();
    next();
}

void Neighbors::next() {
    if (to_ask_.empty()) return end_round();
    control_.command(question_of(to_ask_.back()), [this](const Answered& answer) { on_details(answer); });
}

void Neighbors::on_details(const Answered& answer) {
    if (!answer) return;
    const auto protocol = std::move(to_ask_.back());
    to_ask_.pop_back();
    fresh_[protocol.name] = {protocol.row, neighbors_in(protocol, *answer)};
    next();
}

void Neighbors::end_round() {
    busy_ = false;
    known_ = std::exchange(fresh_, {});
    timer_.expire_after(std::max<base::Duration>(every, (std::chrono::steady_clock::now() - begun_) * share));
    std::vector<Neighbor> all;
    for (const auto& [name, known] : known_) all.insert(all.end(), known.neighbors.begin(), known.neighbors.end());
    if (all == told_ || !wanted_) return;
    told_ = all;
    on_neighbors_(std::move(all));
}

std::vector<std::string> Neighbors::problems() const {
    if (!wanted_ || problem_.empty()) return {};
    return {"neighbours: " + problem_};
}

std::vector<Neighbor> control_neighbors(const std::string& path) {
    std::vector<Neighbor> all;
    const auto reply = ask(path, table);
    if (!reply) return all;
    for (const auto& protocol : parse_protocols(*reply)) {
        if (!has_neighbors(protocol)) continue;
        const auto shown = ask(path, question_of(protocol));
        if (!shown) return all;
        const auto found = neighbors_in(protocol, *shown);
        all.insert(all.end(), found.begin(), found.end());
    }
    return all;
}

}  // namespace bird
