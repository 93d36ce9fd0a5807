// What `show protocols all` says of each protocol. Pure: a reply in, values out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bird/reply.hpp"

namespace bird {

struct Protocol {
    std::string name;
    std::string kind;      // "BGP"
    std::string state;     // "up", "start", "stop", "flush", "down"
    std::string message;   // why it was disabled or ended; "" when BIRD tells none
    std::string row = {};  // of ProtocolReader alone: its line in the table, another one once anything changed
    // It runs, or tries to (a BGP session that waits for its peer is in `start`).
    bool is_enabled() const { return state == "up" || state == "start"; }
    bool is_on_its_way_down() const { return state == "stop" || state == "flush"; }
    friend bool operator==(const Protocol&, const Protocol&) = default;
};

// As many lines at a time as the caller has time for.
class ProtocolReader {
public:
    explicit ProtocolReader(Reply reply) : reply_{std::move(reply)} {}
    bool read(std::size_t at_most);  // so many more; false once there are none
    std::vector<Protocol> take() { return std::move(found_); }

private:
    // Where the columns stand: the heading names them, and their order is a version's own.
    struct Columns {
        std::size_t name = 0, kind = 1, state = 3;
    };
    static Columns columns_of(const std::string& text);
    void one(const Line& line);

    Reply reply_;
    std::size_t at_ = 0;
    Columns columns_;
    std::vector<Protocol> found_;
};

// In BIRD's order; a line that is not understood is skipped.
std::vector<Protocol> parse_protocols(const Reply& reply);
// Those that somebody, or a limit, has disabled. One that is only on its way down may be restarting.
std::vector<Protocol> disabled_protocols(const Reply& reply);
std::optional<Protocol> find_protocol(const Reply& reply, std::string_view name);

}  // namespace bird
