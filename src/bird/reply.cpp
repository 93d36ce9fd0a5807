#include "bird/reply.hpp"

#include <algorithm>
#include <charconv>

namespace bird {
namespace {

constexpr std::size_t longest_reply = 16 * 1024 * 1024;
constexpr std::size_t most_async = 64;  // nobody reads them later than the reply they came with
constexpr std::uint16_t first_error = 8000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string named(std::string_view verb, std::string_view name) {
    return std::string{verb}.append(" '").append(name).append("'");
}

}  // namespace

std::string to_string(const Version& version) {
    return std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch);
}

bool Reply::ok() const {
    return std::ranges::none_of(lines, [](const Line& line) { return line.code >= first_error; });
}

std::string Reply::error() const {
    const auto at = std::ranges::find_if(lines, [](const Line& line) { return line.code >= first_error; });
    return at == lines.end() ? std::string{} : at->text;
}

// "BIRD 2.0.12 ready.", "BIRD 2.19 ready.", "BIRD v3.3.2+branch.x ready.": a number that is not there counts as 0.
std::optional<Version> parse_greeting(const Reply& greeting) {
    constexpr std::string_view word = "BIRD ";
    std::string_view text = greeting.lines.back().text;
    if (greeting.code() != 1 || !text.starts_with(word)) return std::nullopt;
    text.remove_prefix(word.size());
    if (text.starts_with('v')) text.remove_prefix(1);
    Version out;
    for (auto* part : {&out.major, &out.minor, &out.patch}) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *part);
        if (error != std::errc{}) return part == &out.major ? std::nullopt : std::optional{out};
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (text.empty() || text.front() != '.') break;
        text.remove_prefix(1);
    }
    return out;
}

bool ReplyReader::feed(std::string_view piece) {
    while (!piece.empty()) {
        const auto end = piece.find('\n');
        partial_ += piece.substr(0, end);
        if (partial_.size() + reply_bytes_ > longest_reply) return false;
        if (end == std::string_view::npos) return true;
        piece.remove_prefix(end + 1);
        if (!take_line(partial_)) return false;
        partial_.clear();
    }
    return true;
}

bool ReplyReader::take_line(std::string_view line) {
    if (line.starts_with('+')) {
        async_.emplace_back(line.substr(1));
        if (async_.size() > most_async) async_.pop_front();
        return true;
    }
    reply_bytes_ += line.size();
    if (line.starts_with(' ')) {
        if (!last_code_) return false;
        lines_.push_back({*last_code_, std::string{line.substr(1)}});
        return true;
    }
    if (line.size() < 5 || !std::ranges::all_of(line.substr(0, 4), is_digit)) return false;
    if (line[4] != ' ' && line[4] != '-') return false;
    std::uint16_t code = 0;
    std::from_chars(line.data(), line.data() + 4, code);
    last_code_ = code;
    lines_.push_back({code, std::string{line.substr(5)}});
    if (line[4] == '-') return true;
    replies_.push_back({std::move(lines_)});
    lines_.clear();
    reply_bytes_ = 0;
    return true;
}

std::optional<Reply> ReplyReader::next() {
    if (replies_.empty()) return std::nullopt;
    auto out = std::move(replies_.front());
    replies_.pop_front();
    return out;
}

std::optional<std::string> ReplyReader::next_async() {
    if (async_.empty()) return std::nullopt;
    auto out = std::move(async_.front());
    async_.pop_front();
    return out;
}

std::string show_protocol(std::string_view name) { return named("show protocols all", name); }
std::string enable(std::string_view name) { return named("enable", name); }
std::string disable(std::string_view name, std::string_view message) {
    const auto command = named("disable", name);
    return message.empty() ? command : command + " \"" + clean_message(message) + '"';
}
std::string reload_in(const Version& version, std::string_view name) {
    return named(version.major >= 3 ? "reload filters in" : "reload in", name);
}

std::string clean_message(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, disable_message)) {
        const auto byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\' ? '?' : c;
    }
    // BIRD's own print would show an end of spaces that nobody can compare.
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

}  // namespace bird
