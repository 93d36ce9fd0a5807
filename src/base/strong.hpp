// A number with a name: two integers with different meanings are two types.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace base {

template <class Tag, class Rep>
struct Strong {
    Rep value{};
    friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
};

}  // namespace base

template <class Tag, class Rep>
struct std::hash<base::Strong<Tag, Rep>> {
    std::size_t operator()(const base::Strong<Tag, Rep>& s) const noexcept { return std::hash<Rep>{}(s.value); }
};
