/* A PKCS#11 module around SoftHSM: it logs calls and acts devices that SoftHSM is not. Variables steer it:
   SHIM_LOG         a file that gets a line for each call that tests count
   SHIM_PULLED      while this file exists, no token is there; sessions from before stay invalid
   SHIM_SET, _CLEAR flags of every token, added and taken away (hexadecimal)
   SHIM_REFUSE      while this file exists, every PIN is wrong
   SHIM_LOGIN       what C_Login returns (hexadecimal), without asking SoftHSM
   SHIM_PAD         the PIN that is typed where C_Login gets none
   SHIM_OPEN        the PIN of a token that needs no login
   SHIM_PRIVATE     new objects are private
   SHIM_FORGE       while this file exists, signatures are not of the key */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong;
typedef struct { unsigned char major, minor; ulong (*call[68])(); } list;
typedef struct { ulong type; void *value; ulong length; } attribute;

enum { INITIALIZE = 0, FINALIZE, GET_FUNCTION_LIST = 3, GET_SLOT_LIST, GET_TOKEN_INFO = 6, OPEN_SESSION = 12,
       CLOSE_SESSION, CLOSE_ALL_SESSIONS, GET_SESSION_INFO, LOGIN = 18, CREATE_OBJECT = 20,
       FIND_OBJECTS_INIT = 26, SIGN_INIT = 42, SIGN };

static list *real, own;
static int is_pulled;

static void say(const char *line)
{
    const char *path = getenv("SHIM_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) {
        fprintf(file, "%s\n", line);
        fclose(file);
    }
}

static ulong flags_of(const char *name)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 16) : 0;
}

/* True while the token is away. Its sessions end when it is pulled. */
static int away(void)
{
    const char *path = getenv("SHIM_PULLED");
    ulong slots[16], count = 16, i;
    if (!path || access(path, F_OK) != 0) {
        is_pulled = 0;
        return 0;
    }
    if (!is_pulled && real->call[GET_SLOT_LIST](1, slots, &count) == 0)
        for (i = 0; i < count; i++)
            real->call[CLOSE_ALL_SESSIONS](slots[i]);
    is_pulled = 1;
    return 1;
}

static ulong initialize(void *arguments) { say("C_Initialize"); return real->call[INITIALIZE](arguments); }
static ulong finalize(void *reserved) { say("C_Finalize"); return real->call[FINALIZE](reserved); }

static ulong get_slot_list(unsigned char present, ulong *slots, ulong *count)
{
    if (!slots)
        say("C_GetSlotList");
    if (away()) {
        *count = 0;
        return 0;
    }
    return real->call[GET_SLOT_LIST](present, slots, count);
}

static ulong get_token_info(ulong slot, unsigned char *info)
{
    ulong code, flags;
    if (away())
        return 0xE0;
    code = real->call[GET_TOKEN_INFO](slot, info);
    if (code == 0) {
        memcpy(&flags, info + 96, sizeof flags);
        flags = (flags | flags_of("SHIM_SET")) & ~flags_of("SHIM_CLEAR");
        memcpy(info + 96, &flags, sizeof flags);
    }
    return code;
}

static ulong open_session(ulong slot, ulong flags, void *application, void *notify, ulong *session)
{
    const char *pin = getenv("SHIM_OPEN");
    ulong code;
    say("C_OpenSession");
    if (away())
        return 0xE0;
    code = real->call[OPEN_SESSION](slot, flags, application, notify, session);
    if (code == 0 && pin)
        real->call[LOGIN](*session, 1UL, pin, strlen(pin));
    return code;
}

static ulong close_session(ulong session) { say("C_CloseSession"); return real->call[CLOSE_SESSION](session); }

static ulong get_session_info(ulong session, void *info)
{
    return away() ? 0xB3 : real->call[GET_SESSION_INFO](session, info);
}

static ulong login(ulong session, ulong user, const char *pin, ulong length)
{
    char line[80];
    const char *typed = getenv("SHIM_PAD");
    ulong slot[4] = {0};
    real->call[GET_SESSION_INFO](session, slot);
    snprintf(line, sizeof line, "C_Login slot=%lu user=%lu pin=%.*s", slot[0], user, pin ? (int)length : 4,
             pin ? pin : "null");
    say(line);
    if (getenv("SHIM_REFUSE") && access(getenv("SHIM_REFUSE"), F_OK) == 0)
        return 0xA0;
    if (getenv("SHIM_LOGIN"))
        return flags_of("SHIM_LOGIN");
    if (!pin && typed)
        return real->call[LOGIN](session, user, typed, strlen(typed));
    return real->call[LOGIN](session, user, pin, length);
}

static ulong create_object(ulong session, attribute *template, ulong count, ulong *object)
{
    static unsigned char yes = 1;
    attribute more[64];
    ulong i, kept = 0;
    if (!getenv("SHIM_PRIVATE"))
        return real->call[CREATE_OBJECT](session, template, count, object);
    for (i = 0; i < count && i < 63; i++)
        if (template[i].type != 2)
            more[kept++] = template[i];
    more[kept].type = 2;
    more[kept].value = &yes;
    more[kept++].length = 1;
    return real->call[CREATE_OBJECT](session, more, kept, object);
}

static ulong find_objects_init(ulong session, attribute *template, ulong count)
{
    return away() ? 0x32 : real->call[FIND_OBJECTS_INIT](session, template, count);
}

static ulong sign_init(ulong session, void *mechanism, ulong key)
{
    say("C_SignInit");
    return away() ? 0x32 : real->call[SIGN_INIT](session, mechanism, key);
}

static ulong sign(ulong session, void *input, ulong length, unsigned char *signature, ulong *size)
{
    const char *path = getenv("SHIM_FORGE");
    ulong code = real->call[SIGN](session, input, length, signature, size);
    if (code == 0 && signature && path && access(path, F_OK) == 0)
        signature[*size - 1] ^= 1;
    return code;
}

ulong C_GetFunctionList(list **functions)
{
    if (!real) {
        void *library = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
        ulong (*get)(list **) = library ? (ulong (*)(list **))dlsym(library, "C_GetFunctionList") : NULL;
        if (!get || get(&real) != 0)
            return 5;
        own = *real;
        own.call[INITIALIZE] = initialize;
        own.call[FINALIZE] = finalize;
        own.call[GET_FUNCTION_LIST] = C_GetFunctionList;
        own.call[GET_SLOT_LIST] = get_slot_list;
        own.call[GET_TOKEN_INFO] = get_token_info;
        own.call[OPEN_SESSION] = open_session;
        own.call[CLOSE_SESSION] = close_session;
        own.call[GET_SESSION_INFO] = get_session_info;
        own.call[LOGIN] = login;
        own.call[CREATE_OBJECT] = create_object;
        own.call[FIND_OBJECTS_INIT] = find_objects_init;
        own.call[SIGN_INIT] = sign_init;
        own.call[SIGN] = sign;
    }
    *functions = &own;
    return 0;
}
