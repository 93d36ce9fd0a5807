// What bfdd should hear about one session, and whether it is worth a message: bfdd notifies its clients at each one.
// Pure; the rules come from what bfdd and its clients do with a state.
#pragma once

#include <optional>

#include "bfd/session.hpp"
#include "frr/dataplane_codec.hpp"

namespace frr {

// Init is told as Down (Up → Init makes bfdd's clients drop the path as Down does, and Init never helps them); the
// peer's AdminDown and a shut down session are told as AdminDown, which keeps BGP up (RFC 5882 §3.2).
StateMessage what_to_tell(std::uint32_t lid, const bfd::Status& status, bool shutdown);

// `told` is what this attachment of the session has heard: nothing means bfdd believes Down. `was_up` says that an
// earlier attachment heard Up, so that clients may still believe it. The diagnostic alone is no news.
bool is_news(const std::optional<StateMessage>& told, const StateMessage& next, bool was_up);

}  // namespace frr
