//! `scene3d user`: who may use the service.

use anyhow::Result;
use scene3d_service::accounts::Accounts;
use scene3d_service::clock::rfc3339;
use scene3d_service::scope::Scope;
use scene3d_service::store::api_keys::ApiKey;
use scene3d_service::store::users::User;
use serde_json::json;

use super::serve::config;
use crate::args::{KeyCommand, NewKeyArgs, NewUserArgs, StoreArgs, UserCommand};
use crate::exit::EXIT_SUCCESS;
use crate::password;

/// Does what is asked with the users of a service, also while it runs.
pub fn run(command: UserCommand) -> Result<u8> {
    match command {
        UserCommand::Add(args) => add(&args)?,
        UserCommand::List { store, json } => list(&store, json)?,
        UserCommand::Disable { name, store } => accounts(&store)?.disable(&name)?,
        UserCommand::Enable { name, store } => accounts(&store)?.enable(&name)?,
        UserCommand::Passwd { name, store } => accounts(&store)?.set_password(&name, &password::read_new(&name)?)?,
        UserCommand::Key(KeyCommand::Add(args)) => add_key(&args)?,
        UserCommand::Key(KeyCommand::List { user, store, json }) => list_keys(&user, &store, json)?,
        UserCommand::Key(KeyCommand::Revoke { id, store }) => accounts(&store)?.revoke_key(&id)?,
    }
    Ok(EXIT_SUCCESS)
}

fn accounts(store: &StoreArgs) -> Result<Accounts> {
    Ok(Accounts::open(&config(store)?)?)
}

fn add(args: &NewUserArgs) -> Result<()> {
    let scopes = Scope::parse_list(&args.scopes)?;
    let accounts = accounts(&args.store)?;
    let user = accounts.add(&args.name, &password::read_new(&args.name)?, &scopes)?;
    println!("added {} ({})", user.name, user.id);
    Ok(())
}

fn list(store: &StoreArgs, json: bool) -> Result<()> {
    let users = accounts(store)?.list()?;
    if json {
        println!("{:#}", users.iter().map(user_json).collect::<serde_json::Value>());
        return Ok(());
    }
    for user in users {
        let state = if user.is_disabled { "disabled" } else { "enabled" };
        let (scopes, since) = (Scope::write_list(&user.scopes), rfc3339(user.created_at));
        println!("{:<24} {state:<9} {scopes:<28} {since}  {}", user.name, user.id);
    }
    Ok(())
}

fn user_json(user: &User) -> serde_json::Value {
    json!({ "id": user.id, "name": user.name, "scopes": user.scopes, "disabled": user.is_disabled,
            "created_at": rfc3339(user.created_at) })
}

fn add_key(args: &NewKeyArgs) -> Result<()> {
    let scopes = Scope::parse_list(&args.scopes)?;
    println!("{}", accounts(&args.store)?.add_key(&args.user, &args.label, &scopes)?);
    Ok(())
}

fn list_keys(user: &str, store: &StoreArgs, json: bool) -> Result<()> {
    let keys = accounts(store)?.keys(user)?;
    if json {
        println!("{:#}", keys.iter().map(key_json).collect::<serde_json::Value>());
        return Ok(());
    }
    for key in keys {
        let state = if key.revoked_at.is_some() { "revoked" } else { "holds" };
        let (scopes, since) = (Scope::write_list(&key.scopes), rfc3339(key.created_at));
        println!("{} {state:<8} {scopes:<28} {since}  {}", key.id, key.label);
    }
    Ok(())
}

fn key_json(key: &ApiKey) -> serde_json::Value {
    json!({ "id": key.id, "label": key.label, "scopes": key.scopes, "created_at": rfc3339(key.created_at),
            "revoked_at": key.revoked_at.map(rfc3339) })
}
