// Errors that input may cause travel as values. To become std::expected in this one line.
#pragma once

#include <tl/expected.hpp>

namespace base {

template <class T, class E>
using Result = tl::expected<T, E>;

}  // namespace base
