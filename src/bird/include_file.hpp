// The file of the feed `bird-include`: a `define` a line, each with the value that holds while wgbfd does not run, so
// that whoever finds the file can put it there. Pure: text to values and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bird {

struct Define {
    std::string name;   // "wgbfd_paris_up"
    std::string value;  // "true", "false" or a number
    std::string at_rest;
    friend bool operator==(const Define&, const Define&) = default;
};
using Defines = std::vector<Define>;

// One more constant in each file, by which BIRD can be asked which file it has read: `eval wgbfd_content`.
inline constexpr const char* content_name = "wgbfd_content";
std::uint32_t content_of(const Defines& defines);

std::string render(const Defines& defines);
// An empty file is free to be taken; what begins otherwise than ours is somebody else's.
bool is_ours(std::string_view text);
// None: that is not what render() writes.
std::optional<Defines> parse_defines(std::string_view text);

bool is_at_rest(const Defines& defines);
Defines put_at_rest(Defines defines);
// `first`, and after it those of `second` whose names it lacks, at rest: what an earlier configuration of ours named
// and BIRD's may still use.
Defines with_leftovers(Defines first, const Defines& second);

}  // namespace bird
