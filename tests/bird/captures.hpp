// What BIRD says on its control socket. Captured from BIRD 2.0.12 byte by byte, but for those called facts_…: these are
// written from documentation and sources of versions that do not run here.
#pragma once

namespace captures {

inline constexpr auto greeting = "0001 BIRD 2.0.12 ready.\n";
inline constexpr auto facts_greeting_2_19 = "0001 BIRD 2.19.2 ready.\n";
inline constexpr auto facts_greeting_3 = "0001 BIRD 3.3.2 ready.\n";

inline constexpr auto show_all =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-device1    Device     ---        up     06:58:52.416  \n"
    " direct1    Direct     ---        up     06:58:52.416  \n"
    " s1         Static     master4    up     06:58:52.416  \n"
    " kernel1    Kernel     master4    up     06:58:52.416  \n"
    " wgt        Kernel     igp4       up     06:58:52.416  \n"
    " paris      BGP        ---        start  06:58:52.416  Idle          \n"
    " ber-lin.x  BGP        ---        start  06:58:52.416  Idle          \n"
    "0000 \n";

inline constexpr auto show_enabled =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-paris      BGP        ---        start  06:58:52.416  Idle          \n"
    "1006-  BGP state:          Idle\n"
    "     Neighbor address: 10.8.0.1\n"
    "     Neighbor AS:      65002\n"
    "     Local AS:         65001\n"
    "   Channel ipv4\n"
    "     State:          DOWN\n"
    "     Table:          master4\n"
    "     Preference:     100\n"
    "     Input filter:   ACCEPT\n"
    "     Output filter:  ACCEPT\n"
    " \n"
    "0000 \n";

inline constexpr auto show_disabled =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-paris      BGP        ---        down   06:58:55.645  \n"
    "1006-  Message:        wgbfd: paris down (detect-timeout)\n"
    "   BGP state:          Down\n"
    "     Neighbor address: 10.8.0.1\n"
    "     Neighbor AS:      65002\n"
    "     Local AS:         65001\n"
    "   Channel ipv4\n"
    "     State:          DOWN\n"
    "     Table:          master4\n"
    "     Preference:     100\n"
    " \n"
    "0000 \n";

inline constexpr auto disabled = "0009-paris: disabled\n0000 \n";
inline constexpr auto already_disabled = "0008-paris: already disabled\n0000 \n";
inline constexpr auto enabled = "0011-paris: enabled\n0000 \n";
inline constexpr auto already_enabled = "0010-paris: already enabled\n0000 \n";
inline constexpr auto unknown_name =
    "9001 syntax error, unexpected CF_SYM_UNDEFINED, expecting END or CF_SYM_KNOWN or TEXT\n";
inline constexpr auto unknown_pattern = "8003 No protocols match\n";
inline constexpr auto restricted = "8007 Access denied\n";
inline constexpr auto reconfigured = "0002-Reading configuration from bird.conf\n0003 Reconfigured\n";

// BIRD 3 has the same table in another order of protocols, and may put words between.
inline constexpr auto facts_show_3 =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-kernel1    Kernel     master4    up     2026-07-01 10:00:00.123  \n"
    " paris      BGP        ---        up     2026-07-01 10:00:03.456  Established   \n"
    "1006-  Created:            2026-07-01 10:00:00.123\n"
    "   BGP state:          Established\n"
    " \n"
    " device1    Device     ---        up     2026-07-01 10:00:00.123  \n"
    "0000 \n";

}  // namespace captures
