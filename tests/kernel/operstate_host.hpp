// A host made up for the operstate feed: a kernel with interfaces, a clock that stands still, and a daemon that looks
// at both.
#pragma once

#include <stdlib.h>

#include <deque>
#include <filesystem>

#include "kernel/operstate_feed.hpp"

namespace kernel_test {

using adjacency::Operstate;
using namespace std::chrono_literals;

// A kernel with interfaces, a clock that stands still, and a daemon's view of both.
struct Host {
    struct Interface {
        std::string name;
        bool up = true;
        Operstate operstate = Operstate::unknown;
        std::vector<adjacency::LinkAddress> addresses = {};
    };
    Host() {
        char name[] = "/dev/shm/wgbfd-link-XXXXXX";
        folder = ::mkdtemp(name);
    }
    ~Host() { std::filesystem::remove_all(folder); }

    kernel::OperstateAccess access() {
        return {[this](base::IfIndex index) -> base::Result<kernel::LinkState, std::error_code> {
                    ++reads;
                    const auto at = interfaces.find(index.value);
                    if (at == interfaces.end()) return tl::unexpected{std::make_error_code(std::errc::no_such_device)};
                    const auto& i = at->second;
                    return kernel::LinkState{i.name, i.up, i.up ? i.operstate : Operstate::down};
                },
                [this](base::IfIndex index, Operstate to) -> std::error_code {
                    ++sets;
                    if (refuse) return refuse;
                    recorded_when_set = !io::UndoLog{folder / "undo"}.records().empty();
                    if (!ignore) interfaces.at(index.value).operstate = to;
                    return {};
                }};
    }
    std::vector<adjacency::Link> links() const {
        std::vector<adjacency::Link> out;
        for (const auto& [index, i] : interfaces) {
            auto& link = out.emplace_back();
            link.index.value = index;
            link.name = i.name;
            link.up = i.up;
            link.operstate = i.up ? i.operstate : Operstate::down;
            link.addresses = i.addresses;
        }
        return out;
    }
    Operstate state(std::uint32_t index) const { return interfaces.at(index).operstate; }

    std::filesystem::path folder;
    std::map<std::uint32_t, Interface> interfaces = {{7, {"wg0"}}, {8, {"wg1"}}};
    base::Now now{base::TimePoint{1h}, base::WallTime{1h}};
    int reads = 0, sets = 0;
    std::error_code refuse;
    bool ignore = false;
    bool recorded_when_set = false;
};

struct Daemon {
    explicit Daemon(Host& h) : host{h} {}
    void links() { feed.on_links(host.links()); }
    void peers(std::initializer_list<std::pair<const char*, bool>> down) {
        adjacencies.clear();
        std::vector<policy::Wanted> all;
        for (const auto& [interface, is_down] : down) {
            auto& a = adjacencies.emplace_back();
            a.id.value = static_cast<std::uint32_t>(adjacencies.size());
            a.interface = interface;
            all.push_back({a.id, a, {}, !is_down, is_down});
        }
        feed.apply(all);
    }
    std::string problem() const { return feed.status().problem; }
    Host& host;
    io::UndoLog undo{host.folder / "undo"};
    boost::asio::io_context context{1};
    kernel::OperstateFeed feed{context, undo, [this] { return host.now; }, host.access()};
    std::deque<adjacency::Adjacency> adjacencies;
};

inline const adjacency::LinkAddress inner{base::IpAddress::parse("10.8.0.1").value(), {}, 24, false};
inline const adjacency::LinkAddress link_local{base::IpAddress::parse("fe80::1").value(), {}, 64, false};

}  // namespace kernel_test
