#include "daemon/load_config.hpp"

#include <fstream>
#include <stdexcept>
#include <string>

#include "config/parse.hpp"

namespace wgbfd {

config::Config load_config(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    if (!in) throw std::runtime_error{path.string() + ": cannot be read; give another file with --config"};
    std::string text;
    for (char block[4096]; in.read(block, sizeof block) || in.gcount() > 0;)
        text.append(block, static_cast<std::size_t>(in.gcount()));
    if (in.bad()) throw std::runtime_error{path.string() + ": is no readable file; give another one with --config"};
    auto parsed = config::parse(text);
    if (parsed) return *parsed;
    std::string all;
    for (const auto& error : parsed.error()) all += (all.empty() ? "" : "\n") + to_string(error, path.string());
    throw std::runtime_error{all};
}

}  // namespace wgbfd
