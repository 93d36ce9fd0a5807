#include "bird/include_file.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace bird {
namespace {

constexpr std::string_view first_line =
    "# wgbfd: constants for BIRD, written anew whenever one changes. Edits are lost.";
constexpr std::string_view explanation =
    "# BIRD reads them by a line `include \"THIS FILE\";` above all that uses them. Behind each stands what holds "
    "while\n"
    "# wgbfd does not run. Keep the file: without it BIRD does not start.\n";
constexpr std::string_view define_word = "define ", is_word = " = ", rest_word = ";  # at rest: ";
constexpr std::size_t longest_name = 63, longest_number = 10;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(std::string_view text) {
    constexpr std::string_view prefix = "wgbfd_";
    const auto good = [](char c) {
        return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    return text.starts_with(prefix) && text.size() <= longest_name && std::ranges::all_of(text, good);
}

bool is_value(std::string_view text) {
    if (text == "true" || text == "false") return true;
    return !text.empty() && text.size() <= longest_number && std::ranges::all_of(text, is_digit);
}

// "define NAME = VALUE;  # at rest: VALUE", or without the remark.
std::optional<Define> parse_line(std::string_view line) {
    if (!line.starts_with(define_word)) return std::nullopt;
    line.remove_prefix(define_word.size());
    const auto is = line.find(is_word), end = line.find(';');
    if (is == std::string_view::npos || end == std::string_view::npos || end < is + is_word.size()) return std::nullopt;
    Define out{
        std::string{line.substr(0, is)}, std::string{line.substr(is + is_word.size(), end - is - is_word.size())}, {}};
    line.remove_prefix(end);
    out.at_rest = line.starts_with(rest_word) ? line.substr(rest_word.size()) : line == ";" ? out.value : "";
    if (!is_name(out.name) || !is_value(out.value) || !is_value(out.at_rest)) return std::nullopt;
    return out;
}

std::string content_line(const Defines& defines) {
    return std::string{define_word} + content_name + " = " + std::to_string(content_of(defines)) + ";\n";
}

}  // namespace

// FNV-1a: it need only differ where the values do.
std::uint32_t content_of(const Defines& defines) {
    std::uint32_t hash = 2'166'136'261U;
    const auto add = [&](std::string_view text) {
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
        hash = (hash ^ 0xffU) * 16'777'619U;
    };
    for (const auto& define : defines) {
        add(define.name);
        add(define.value);
    }
    return hash;
}

std::string render(const Defines& defines) {
    std::string out{first_line};
    out += '\n';
    out += explanation;
    out += content_line(defines);
    for (const auto& [name, value, at_rest] : defines)
        out.append(define_word).append(name).append(is_word).append(value).append(rest_word).append(at_rest) += '\n';
    return out;
}

bool is_ours(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos || text.substr(0, text.find('\n')) == first_line;
}

std::optional<Defines> parse_defines(std::string_view text) {
    Defines out;
    std::set<std::string> named;
    bool first = true;
    for (auto rest = text; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (std::exchange(first, false)) {
            if (line != first_line) return std::nullopt;
            continue;
        }
        if (line.empty() || line.starts_with('#')) continue;
        auto define = parse_line(line);
        if (!define || !named.insert(define->name).second) return std::nullopt;
        if (define->name != content_name) out.push_back(*std::move(define));
    }
    return first ? std::nullopt : std::optional{std::move(out)};
}

bool is_at_rest(const Defines& defines) {
    return std::ranges::all_of(defines, [](const Define& define) { return define.value == define.at_rest; });
}

Defines put_at_rest(Defines defines) {
    for (auto& define : defines) define.value = define.at_rest;
    return defines;
}

Defines with_leftovers(Defines first, const Defines& second) {
    std::set<std::string> named;
    for (const auto& define : first) named.insert(define.name);
    for (auto define : second) {
        if (!named.insert(define.name).second) continue;
        define.value = define.at_rest;
        first.push_back(std::move(define));
    }
    return first;
}

}  // namespace bird
