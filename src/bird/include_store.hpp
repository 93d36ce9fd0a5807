// The file of the feed `bird-include` on disk: read, and replaced as a whole, so that BIRD never sees half of it. A
// file that is not ours is never touched.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "bird/include_file.hpp"

namespace bird {

class IncludeStore {
public:
    explicit IncludeStore(std::filesystem::path path) : path_{std::move(path)} {}

    // What the file holds now; none: it is not there, or is to be written anew.
    const std::optional<Defines>& read();
    // False: problem() says why. `durable`: a power cut leaves it whole on any file system.
    bool write(const Defines& defines, bool durable = false);
    // As last read or written.
    const std::optional<Defines>& holds() const { return holds_; }
    const std::string& problem() const { return problem_; }  // one line, with the fix; "" when there is none
    const std::filesystem::path& path() const { return path_; }

private:
    std::optional<std::string> load();
    bool replace(const std::string& text, bool durable);
    bool fail(const char* what, int error);

    std::filesystem::path path_;
    std::optional<Defines> holds_;
    bool foreign_ = false;
    std::string problem_;
};

}  // namespace bird
