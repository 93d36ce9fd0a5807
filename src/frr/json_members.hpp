// The members of a JSON object, one at a time and in order: a reply of megabytes is read in slices, and only one member
// is ever a tree. What is no JSON is found where it stands, so the members before it have been handed out.
#pragma once

#include <optional>
#include <string_view>

namespace frr {

struct JsonMember {
    std::string_view name;   // as it is written between its quotes
    std::string_view value;  // its text; whether it is a value at all is its reader's to find out
    friend bool operator==(const JsonMember&, const JsonMember&) = default;
};

class JsonMembers {
public:
    // `text` must outlive this.
    explicit JsonMembers(std::string_view text);

    std::optional<JsonMember> next();  // none: the end, or a mistake
    bool bad() const { return bad_; }

private:
    void skip_space();
    bool take(char wanted);
    std::optional<std::string_view> string();
    std::optional<std::string_view> value();
    std::optional<std::string_view> bracketed();
    std::optional<JsonMember> mistake();

    std::string_view rest_;
    bool first_ = true, done_ = false, bad_ = false;
};

}  // namespace frr
