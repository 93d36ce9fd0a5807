// What the guardian and a worker say to each other over their channel, a pair of SOCK_SEQPACKET sockets: one message a
// word, with a text, and a file descriptor where it says `keep`. Either side may be of another version: an unknown word
// is passed over.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/unique_fd.hpp"

namespace wgbfd {

enum class Word : std::uint8_t {
    keep = 'k',      // a descriptor and its name: worker to guardian, and back to the next worker
    drop = 'd',      // its name
    go = 'g',        // guardian: that was all you inherit; begin
    ready = 'r',     // worker: I probe
    restart = 's',   // worker: somebody asks for `wgbfd restart`
    prepared = 'p',  // worker: I can begin as soon as I am told to
    failed = 'f',    // worker: I cannot, for this reason
    yield = 'y',     // guardian: give way, another one is prepared
    yielded = 'z',   // worker: nothing of mine runs any more
    refused = 'n',   // guardian: no restart, for this reason
};

struct Message {
    Word word{};
    std::string text;
    base::UniqueFd fd;
};

std::pair<base::UniqueFd, base::UniqueFd> make_channel();  // throws std::system_error

enum class Wait : bool { no, yes };  // yes: as long as the socket's time limit says
bool say(int channel, Word word, std::string_view text = {}, int fd = -1, Wait wait = Wait::no);  // false: errno

enum class Heard : std::uint8_t { message, nothing, closed };
Heard hear(int channel, Message& out, Wait wait = Wait::no);

using KeptFds = std::map<std::string, base::UniqueFd>;

// Reads what is inherited, until `go`. Throws std::runtime_error when the guardian has gone.
KeptFds inherit(int channel);

// Under a real-time policy: to the normal one, if a guardian can take that back. What is long and has no deadline would
// keep from the processor what has one, and WireGuard's own threads, which have no priority. False: nothing changed.
bool rest_from_realtime();

}  // namespace wgbfd
